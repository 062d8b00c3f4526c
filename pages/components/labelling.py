"""What can be done with the chosen runs: tags, name and note, delete. Draws one quiet line under the table."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from engine.errors import AthanorError
from engine.store import deletion, labels
from engine.store.connect import Store
from engine.store.overview import Row
from pages.components.pulse import attempt_to
from pages.components.state import deleted, store
from pages.components.words import plain, problem, t

# Numbers written out in a sentence.
NAMED = 12
NEW_TAG = "new-tag"


def show(chosen: Sequence[Row]) -> None:
    """Draw the line for these runs; nothing when there are none."""
    if not chosen:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="chosen"):
        st.caption(t("compare.chosen", count=len(chosen)), width="content")
        with st.popover(t("compare.kind.tag"), icon=":material/label:", type="tertiary", key="tags-menu"):
            _tags(chosen)
        with st.popover(t("compare.name_and_note"), icon=":material/edit:", type="tertiary", key="name-menu"):
            _name(chosen)
        if st.button(t("compare.delete"), icon=":material/delete:", type="tertiary", key="delete"):
            st.dialog(t("compare.delete_title"))(_confirm)(chosen)


def _tags(chosen: Sequence[Row]) -> None:
    numbers = [row.id for row in chosen]
    for word in sorted({word for row in chosen for word in row.tags}):
        said = t("compare.untag", tag=word, count=sum(word in row.tags for row in chosen))
        st.button(
            said, key=f"untag-{word}", type="tertiary", icon=":material/close:", on_click=attempt_to, args=(labels.untag, numbers, word)
        )
    st.text_input(t("compare.new_tag"), key=NEW_TAG, max_chars=labels.TAG, width=260)
    st.button(t("compare.add_tag"), key="add-tag", on_click=attempt_to, args=(_add_tag, numbers))


def _add_tag(store: Store, numbers: Sequence[int]) -> None:
    """What was refused stays to be mended."""
    labels.tag(store, numbers, st.session_state[NEW_TAG] or "")
    st.session_state[NEW_TAG] = ""


def _name(chosen: Sequence[Row]) -> None:
    """One name and one note for all of them: runs of a recipe are called alike. Other runs, and other words on them, are other widgets."""
    if len(chosen) > 1:
        st.caption(t("compare.name_all", count=len(chosen)))
    mark = hash(tuple((row.id, row.name, row.note) for row in chosen))
    keys = f"new-name-{mark}", f"new-note-{mark}"
    st.text_input(t("ui.column.name"), _shared(chosen, "name"), key=keys[0], max_chars=labels.NAME, width=320)
    st.text_area(t("compare.note"), _shared(chosen, "note"), key=keys[1], max_chars=labels.NOTE, width=320)
    st.button(t("compare.save"), key="save-name", on_click=attempt_to, args=(_write, chosen, *keys))


def _shared(chosen: Sequence[Row], what: Literal["name", "note"]) -> str:
    """What stands on all of them alike; empty where they differ."""
    there = {str(getattr(row, what)) for row in chosen}
    return there.pop() if len(there) == 1 else ""


def _write(store: Store, chosen: Sequence[Row], name_key: str, note_key: str) -> None:
    """Only what was changed: else each keeps its own. An empty name among several leaves each its own, too."""
    name, note = st.session_state[name_key] or "", st.session_state[note_key] or ""
    for row in chosen:
        if name != _shared(chosen, "name") and (name or len(chosen) == 1):
            labels.rename(store, row.id, name)
        if note != _shared(chosen, "note"):
            labels.set_note(store, row.id, note)


def _confirm(chosen: Sequence[Row]) -> None:
    """Ask before runs are deleted, or say why they cannot be."""
    numbers = [row.id for row in chosen]
    try:
        deletion.check(store(), numbers)
    except AthanorError as error:
        st.warning(problem(error), icon=":material/info:")
        _close(t("compare.close"))
        return
    named = ", ".join(map(str, sorted(numbers)[:NAMED])) + (" …" if len(numbers) > NAMED else "")
    st.markdown(t("compare.delete_what", runs=named))
    st.caption(" · ".join(plain(name) for name in sorted({row.name for row in chosen})[:NAMED]))
    with st.container(horizontal=True, horizontal_alignment="right"):
        _close(t("compare.keep"))
        if st.button(t("compare.delete_yes"), key="delete-yes", type="primary", on_click=attempt_to, args=(_delete, numbers)):
            st.rerun()


def _close(label: str) -> None:
    if st.button(label, key="delete-no"):
        st.rerun()


def _delete(store: Store, numbers: Sequence[int]) -> None:
    deletion.delete(store, numbers)
    deleted(numbers)
