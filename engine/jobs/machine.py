"""What this machine can train on, asked of a short-lived process, so that the asker never imports torch."""

import json
import subprocess
import sys
from typing import Any

# Seconds; importing torch takes 2 to 4 on a warm disk, far more on a cold one.
PATIENCE = 120
ASK = """
import json, torch, torchvision
devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
print(json.dumps({"torch": torch.__version__, "torchvision": torchvision.__version__, "devices": devices}))
"""


def torch_facts() -> dict[str, Any] | None:
    """Versions of torch and torchvision and the names of the CUDA devices they can use; None when they do not import."""
    try:
        answer = subprocess.run([sys.executable, "-W", "ignore", "-c", ASK], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None
    return json.loads(answer.stdout) if answer.returncode == 0 else None
