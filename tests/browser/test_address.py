"""What a browser asks for before it knows the new address."""

from typing import TYPE_CHECKING

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import App
from tests.browser.screen import chart, start

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute


def test_parts_that_were_asked_for_with_the_address_before_do_not_lead_back(page: "Page", app: App) -> None:
    unheard: list[str] = []
    deaf = False

    def between(browser: "WebSocketRoute") -> None:
        server = browser.connect_to_server()

        def hear(message: str | bytes) -> None:
            said = ForwardMsg.FromString(message) if isinstance(message, bytes) else None
            if deaf and said is not None and said.HasField("page_info_changed"):
                unheard.append(said.page_info_changed.query_string)
            else:
                browser.send(message)

        server.on_message(hear)

    page.route_web_socket("**/_stcore/stream", between)
    page.goto(f"{app.url}/?knob-epochs=2")
    first = start(page)
    chart(page, "ended", first)
    page.wait_for_selector(".st-key-start button:enabled")
    deaf = True
    page.click(".st-key-start button:enabled")
    chart(page, "ended", first + 1)
    page.wait_for_selector(".st-key-start button:enabled")
    assert f"id={first}" in page.url
    assert f"id={first + 1}" in unheard[-1]
    assert page.get_attribute("[data-live-chart]", "data-run") == str(first + 1)
