"""One run by its number in the address: curves, verdict, samples, config, log, files. Holds widgets and calls."""

from pages.components import run_config, run_curves, run_files, run_head, run_log, run_samples, run_tabs, run_verdict

TABS = {
    "curves": run_curves.show,
    "verdict": run_verdict.show,
    "samples": run_samples.show,
    "config": run_config.show,
    "log": run_log.show,
    "files": run_files.show,
}

run = run_head.find()
if run is not None:
    run_head.show(run)
    opened, draw = run_tabs.show(TABS)
    with opened:
        draw(run)
