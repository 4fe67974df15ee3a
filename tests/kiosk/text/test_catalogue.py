from __future__ import annotations

import ast
import gettext
import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from kiosk.text import catalogue
from kiosk.text.catalogue import N_, Catalogue, Language

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The tool is a script that is loaded by its path, so that mypy does not know what it holds.
Tool = Any

SOURCE = """
from kiosk.text.catalogue import N_

NAMES = {1: N_("新办"), 2: N_("补" "办")}

def show(t, page, draw):
    t("还可试 {tries} 次", tries=4)
    page.text("长句，"
              "分两行")
    _("缴费")
    page._t("已登录")
    t(NAMES[1])
    print("不在目录里")
    draw.text((1, 2), "也不在目录里")
    draw.text("English only")
    t("{found}（{detail}）", found=1, detail=2)
"""


@pytest.fixture
def english(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """An English catalogue of three sentences of our own."""
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    translations = {"缴费": "Pay", "还可试 {tries} 次": "{tries} tries left"}
    built = tool.build({**{key: ["a.py"] for key in translations}, "未译": ["a.py"]}, translations)
    (folder / "keydesk.mo").write_bytes(tool.mo_bytes(built))
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)
    catalogue._translations.cache_clear()
    yield Catalogue(Language.ENGLISH)
    catalogue._translations.cache_clear()


def test_chinese_is_the_source_itself_with_its_parameters() -> None:
    text = Catalogue(Language.CHINESE).text
    assert text("缴费须知") == "缴费须知"
    assert text("还可试 {tries} 次", tries=4) == "还可试 4 次"
    assert N_("缴费") == "缴费"


def test_english_is_looked_up_and_what_is_missing_stays_chinese(english: Catalogue) -> None:
    assert english.text("缴费") == "Pay"
    assert english.text("还可试 {tries} 次", tries=4) == "4 tries left"
    assert english.text("未译") == "未译"


def test_the_empty_sentence_does_not_show_the_header_of_the_catalogue(english: Catalogue) -> None:
    assert english.text("") == ""


def test_a_parameter_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        Catalogue(Language.CHINESE).text("还可试 {tries} 次", other=1)


def test_a_parameter_may_be_called_message() -> None:
    assert Catalogue(Language.CHINESE).text("原因：{message}", message="甲") == "原因：甲"


def test_the_sentences_are_found_by_the_five_names_and_nothing_else(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "screen.py").write_text(SOURCE, encoding="utf-8")
    assert tool.extract(tmp_path, ("desk",)) == {
        sentence: ["desk/screen.py"]
        for sentence in (
            "新办",
            "补办",
            "还可试 {tries} 次",
            "长句，分两行",
            "缴费",
            "已登录",
            "{found}（{detail}）",
        )
    }


def test_a_translation_survives_writing_and_reading(tool: Tool, tmp_path: Path) -> None:
    path = tmp_path / "keydesk.po"
    translations = {"缴费": "Pay", "未译": ""}
    built = tool.build({key: ["a.py"] for key in translations}, {**translations, "没有了": "gone"})
    path.write_bytes(tool.po_bytes(built))
    assert tool.read(path) == translations


def test_the_committed_catalogue_is_the_one_that_the_source_asks_for(tool: Tool) -> None:
    wanted = tool.build(tool.extract(), tool.read())
    assert tool.po_bytes(wanted) == tool.ENGLISH.read_bytes(), "run: python tools/catalogue.py"
    assert tool.mo_bytes(wanted) == tool.ENGLISH.with_suffix(".mo").read_bytes()
    assert tool.console_bytes() == tool.CONSOLE.with_suffix(".mo").read_bytes()


def test_nothing_chinese_on_screens_and_in_commands_is_outside_the_catalogue(tool: Tool) -> None:
    names = {
        "中文",
        "郑州华粮科技有限公司",
        "郑州华粮",
        "。",
    }  # a language's own name, the configuration's defaults, and the full stop that sentences are told apart by
    sentences = set(tool.extract()) | names
    forgotten = [
        f"{path.relative_to(tool.ROOT)}:{line} {text}"
        for folder in ("kiosk/ui", "kiosk/commands", "sync/agent")
        for path in (tool.ROOT / folder).rglob("*.py")
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if tool.is_chinese(text) and text not in sentences
    ]
    assert forgotten == []


# What was said before, and what is said instead.
_ONE_NAME = {
    "PIN 码": "PIN码",
    "收货地址": "收件地址",
    "设置码": "短信验证码",
    "管理台": "控制台",
    "的后台": "的控制台",
}


def test_one_thing_has_one_name(tool: Tool) -> None:
    said = [*tool.extract(), (tool.ROOT / "README.zh-CN.md").read_text(encoding="utf-8")]
    assert [(former, each[:40]) for each in said for former in _ONE_NAME if former in each] == []


def test_a_members_pin_is_called_so_on_every_screen(tool: Tool) -> None:
    """But for the short name of the service, and the administrator's."""
    shown = ("kiosk/ui/", "kiosk/text/", "kiosk/demo/")
    odd = [
        sentence
        for sentence, places in tool.extract().items()
        if any(place.startswith(shown) for place in places)
        and re.search("PIN(?!码)", re.sub("改PIN$|管理员PIN（PUK）", "", sentence))
    ]
    assert odd == []


def test_days_that_are_promised_are_written_out_in_no_sentence(tool: Tool) -> None:
    """They come from the rules (kiosk/domain/promises.py), whatever the sentence."""
    written = re.compile(r"\d ?个工作日|\d ?日(前后|至|恢复|停)|每月 ?\d|\d(th)? working days?|\dth of")
    said = [text for pair in tool.read().items() for text in pair]
    assert [text for text in said if written.search(text)] == []


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings in the source with their lines, without the docstrings."""
    nodes = list(ast.walk(tree))
    told = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def test_every_sentence_has_english_that_names_the_same_parameters(tool: Tool) -> None:
    translations = tool.read()
    untranslated = [sentence for sentence in tool.extract() if not translations.get(sentence)]
    assert untranslated == []
    different = {
        sentence: english
        for sentence, english in translations.items()
        if tool.placeholders(sentence) != tool.placeholders(english)
    }
    assert different == {}


def test_the_compiled_catalogue_is_read_by_gettext_itself(tool: Tool) -> None:
    loaded = gettext.GNUTranslations(io.BytesIO(tool.ENGLISH.with_suffix(".mo").read_bytes()))
    for sentence, english in tool.read().items():
        assert loaded.gettext(sentence) == (english or sentence)
