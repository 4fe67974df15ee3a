from __future__ import annotations

from pathlib import Path

import pytest

from tools import structure


def write(root: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_a_circle_of_imports_is_found_though_one_of_them_is_for_types_only(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "kiosk/a": "from kiosk import b\n",
            "kiosk/b": "def verb() -> None:\n    from kiosk.c import thing\n",
            "kiosk/c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kiosk.a import thing\n",
            "kiosk/d": "from kiosk.a import thing\n",
        },
    )
    assert structure.circles(structure.arrows_of(tmp_path)) == [["kiosk/a.py", "kiosk/b.py", "kiosk/c.py"]]


def test_a_sub_package_is_one_room_and_its_arrows_are_drawn_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "kiosk/desk/orders/place": "from kiosk.desk.errors import Refused\nfrom kiosk.desk.orders import pay\n",
            "kiosk/desk/orders/pay": "from kiosk.desk.errors import Refused\n",
            "kiosk/desk/errors": "",
            "kiosk/desk/__init__": "",
        },
    )
    assert structure.counts(structure.arrows_of(tmp_path), "kiosk/desk") == (2, 1)


def test_a_folder_that_holds_folders_alone_is_no_room(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "kiosk/ui/screens/__init__": "",
            "kiosk/ui/screens/order/pay": "from kiosk.ui.page import Page\n",
            "kiosk/ui/screens/key/status": "from kiosk.ui.screens.order.pay import QR\n",
            "kiosk/ui/page": "",
        },
    )
    assert structure.counts(structure.arrows_of(tmp_path), "kiosk/ui") == (3, 2)


def complaints(root: Path, seams: dict[str, str], bound: list[int]) -> list[str]:
    return list(structure.complaints(root, {"kiosk": bound}, seams))


def test_a_small_file_with_one_reader_is_named_unless_it_is_a_seam(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"kiosk/a": "from kiosk import b\n", "kiosk/b": ""},
    )
    (complaint,) = complaints(tmp_path, {}, [2, 1])
    assert complaint.startswith("kiosk/b.py is under 60 lines")
    assert complaints(tmp_path, {"kiosk/b.py": "a port"}, [2, 1]) == []


def test_a_seam_that_is_none_any_more_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"kiosk/a": "from kiosk import b\n", "kiosk/b": "", "kiosk/c": "from kiosk import b\n"},
    )
    (complaint,) = complaints(tmp_path, {"kiosk/b.py": "a port"}, [3, 2])
    assert complaint.startswith("kiosk/b.py is named as a seam")


@pytest.mark.parametrize("bound", [[1, 1], [2, 0]])
def test_more_rooms_or_arrows_than_the_bound_are_named(tmp_path: Path, bound: list[int]) -> None:
    write(tmp_path, {"kiosk/a": "from kiosk import b\n", "kiosk/b": "x = 0\n" * 60})
    (complaint,) = complaints(tmp_path, {}, bound)
    assert complaint == f"kiosk has 2 rooms and 1 arrows, more than {bound}"


def test_the_project_holds_its_own_structure() -> None:
    assert structure.main() == 0
