"""The report in a real browser: it fits, it sorts, it can be read, and it asks the network for nothing.

Needs Chromium and its driver (Debian: chromium, chromium-driver); axe-core (npm) where it is at
``build/npm/node_modules``. `.ci/run` installs both.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_report.page.blocks import Gallery, Picture, Section, Table
from iqf_report.page.html import page
from iqf_report.report import report
from iqf_report.testing import MadeRun, write_study

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[3] / "build/npm/node_modules/axe-core/axe.min.js"
HOSTILE = "<script>window.hurt = 1</script> \" ' & \u202eabc \x1b[31m \U0001f680 " + "long" * 2500
WIDTHS = {"desk": 1280, "half a screen": 480, "telephone": 390}
CONTRAST = """
const seen = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => seen(colour).slice(0, 3).map((v) => v / 255)
  .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    const parts = seen(colour);
    if (parts.length < 4 || parts[3] > 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
  const one = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || one.closest("script, style")) continue;
  const style = getComputedStyle(one);
  const drawn = one.closest("svg") !== null;
  if (drawn && one.closest("[id*='matrix']")) continue;
  const pair = [light(drawn ? style.fill : style.color), light(ground(one))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < 4.5) found.push([ratio, walker.currentNode.textContent.slice(0, 60)]);
}
return found;
"""


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no Chromium with its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    made.set_page_load_timeout(60)
    yield made
    made.quit()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report with all that a report may hold, and names from outside that are up to no good."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("browser")
    specs = [None, "jpeg(quality=90)", "jpeg(quality=50)", "jpeg(quality=10)", "quantise(bits=4)"]
    runs = [
        MadeRun(
            spec,
            repetition,
            {"score": 0.9 - 0.04 * place + rng.normal(0, 0.003), "other": float(rng.random())},
            rates={"bits_per_pixel": 8.0 / (1 + place)},
        )
        for place, spec in enumerate(specs)
        for repetition in range(4)
    ]
    runs.append(MadeRun("quantise(bits=2)", 0, reason=HOSTILE))
    rule = {"metric": "score", "margin": 0.05}
    made = report(
        write_study(folder / "iqf-runs" / "study", runs, criterion=rule), command="iqf report study"
    )
    written, png = cv2.imencode(".png", rng.integers(0, 255, (64, 64, 3), np.uint8))
    assert written
    import pandas as pd

    more = Section(
        "more",
        HOSTILE,
        (
            Gallery(tuple(Picture(bytes(png), HOSTILE, HOSTILE) for _ in range(3)), HOSTILE),
            Table(pd.DataFrame({HOSTILE: [HOSTILE, "b"]}), HOSTILE),
        ),
    )
    target = folder / "report.html"
    target.write_text(page(HOSTILE, made.headline, [*made.sections, more]), encoding="utf-8")
    return target


def opened(browser, file: Path, width: int, *, dark: bool = False):
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what came before
    browser.get(file.as_uri())
    return browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_it_fits_and_can_be_read(browser, file, width, dark):
    opened(browser, file, width, dark=dark)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    for fold in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", fold)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(CONTRAST) == []
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == dark


@pytest.mark.parametrize("width", [1280, 800, 480, 390])
def test_the_first_table_is_read_without_scrolling_aside(browser, file, width):
    opened(browser, file, width)
    sizes = "const one = document.querySelector('.stacks'); return [one.scrollWidth, one.clientWidth]"
    needed, given = browser.execute_script(sizes)
    assert needed <= given
    layout = "return getComputedStyle(document.querySelector('.stacks td')).display"
    assert browser.execute_script(layout) == ("table-cell" if width == 1280 else "grid")


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A report whose metric has a long name."""
    rng = np.random.default_rng(0)
    specs = [None, "jpeg(quality=90)", "jpeg(quality=50)", "jpeg2000(ratio=20.0)", "noise(sigma_dn=3.0)"]
    runs = [
        MadeRun(spec, r, {"classification.accuracy": 0.9 - 0.02 * n + rng.normal(0, 0.006)}, seed=r)
        for n, spec in enumerate(specs)
        for r in range(3)
    ]
    folder = tmp_path_factory.mktemp("named")
    rule = {"metric": "classification.accuracy", "margin": 0.05}
    made = report(write_study(folder / "study", runs, criterion=rule))
    made.write(folder / "report.html", "html")
    return folder / "report.html"


def test_names_of_settings_are_not_broken_where_there_is_room(browser, named):
    opened(browser, named, 1280)
    code = (
        "const one = document.querySelector('.stacks');"
        "const lines = [...one.querySelectorAll('td.setting')].map((cell) => {"
        "  const range = document.createRange(); range.selectNodeContents(cell);"
        "  return [cell.textContent, new Set([...range.getClientRects()].map((r) => r.top)).size]; });"
        "return [one.scrollWidth <= one.clientWidth, lines]"
    )
    fits, lines = browser.execute_script(code)
    assert fits
    assert "jpeg2000-ratio20" in [name for name, _ in lines]
    assert {count for name, count in lines if "-" in name} == {1}


def test_a_long_label_does_not_run_into_its_value(browser, named):
    opened(browser, named, 390)
    code = (
        "return [...document.querySelectorAll('.stacks td')].map((cell) => {"
        "  const [wide] = getComputedStyle(cell).gridTemplateColumns.split(' ').map(parseFloat);"
        "  const style = getComputedStyle(cell, '::before');"
        "  const one = document.createElement('span'); one.textContent = cell.dataset.head;"
        "  Object.assign(one.style, {font: style.font, overflowWrap: style.overflowWrap, width: wide + 'px',"
        "    display: 'block', position: 'absolute'});"
        "  document.body.append(one); const over = one.scrollWidth - one.clientWidth; one.remove();"
        "  return over; })"
    )
    assert max(browser.execute_script(code)) <= 0


def test_nothing_leaves_and_nothing_is_complained_of(browser, file):
    opened(browser, file, 1280)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert browser.execute_script("return window.hurt") is None


def rows(browser, place: int) -> list[str]:
    code = (
        "return [...document.querySelectorAll('table.sorts tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[arguments[0]].textContent)"
    )
    return list(browser.execute_script(code, place))


def test_the_table_sorts_and_filters(browser, file):
    opened(browser, file, 1280)
    heads = browser.find_elements("css selector", "table.sorts thead th")
    place = [head.text for head in heads].index("score")
    button = heads[place].find_element("tag name", "button")
    button.click()
    found = [float(text) for text in rows(browser, place) if text != "–"]
    assert found == sorted(found)
    assert rows(browser, place)[-1] == "–"
    assert heads[place].get_attribute("aria-sort") == "ascending"
    button.send_keys("\ue007")  # the return key: no mouse is needed
    found = [float(text) for text in rows(browser, place) if text != "–"]
    assert found == sorted(found, reverse=True)
    browser.find_element("css selector", ".filter input").send_keys("jpeg quality50")
    assert set(rows(browser, 0)) == {"jpeg-quality50"}
    assert browser.find_element("css selector", ".filter [role=status]").text == "4 of 21"


def test_two_thousand_rows_sort_without_delay(browser, tmp_path):
    import pandas as pd

    values = np.random.default_rng(0).random((2000, 12))
    frame = pd.DataFrame(values, columns=[f"m{n}" for n in range(12)])
    frame.insert(0, "variant", [f"v{n}" for n in range(2000)])
    target = tmp_path / "big.html"
    target.write_text(page("big", "h", [Section("runs", "Runs", (Table(frame, "2000", sorts=True),))]))
    opened(browser, target, 1280)
    code = (
        "const b = document.querySelectorAll('thead button')[3]; const t = performance.now(); b.click();"
        "document.body.offsetHeight; return performance.now() - t"
    )
    assert browser.execute_script(code) < 3000  # a quarter of a second where nobody else is at work
    found = [float(text) for text in rows(browser, 3)]
    assert found == sorted(found)


def test_on_paper(browser, file, tmp_path):
    opened(browser, file, 1280)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_axe_finds_no_serious_violation(browser, file, width, dark):
    if not AXE.is_file():
        pytest.skip("axe-core is not at build/npm (npm install --prefix build/npm axe-core@4)")
    opened(browser, file, width, dark=dark)
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    code = "const done = arguments[0]; axe.run().then((found) => done(found.violations))"
    found = browser.execute_async_script(code)
    serious = {
        one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")
    }
    assert serious == {}
