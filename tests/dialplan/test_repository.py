"""The plans in force: choosing one, and keeping the old one when the new one is wrong."""

from datetime import UTC, datetime
from pathlib import Path

from sipagent.dialplan.lint import House
from sipagent.dialplan.repository import Plans

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def write(folder: Path, name: str, routes: str, main: str = "[hangup]") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"{f'routes: {routes}' if routes else ''}\nsections: {{main: {main}}}\n")
    return path


def chosen(plans: Plans, to: str, caller: str = "sip:alice@x") -> str | None:
    found = plans.choose(to, caller, {}, NOW)
    return found[0].name if found else None


def test_the_most_specific_plan_wins_and_says_why(tmp_path: Path) -> None:
    write(tmp_path, "any", "[{to: '*'}]")
    write(tmp_path, "ones", "[{to: 1XX}]")
    write(tmp_path, "hundred", "[{to: 100}]")
    write(tmp_path, "alices", "[{to: 1XX, from: alice}]")
    plans = Plans([tmp_path], House)
    assert plans.reload() == []
    assert chosen(plans, "100") == "hundred"
    assert chosen(plans, "101") == "alices"
    assert chosen(plans, "101", "sip:bob@x") == "ones"
    assert chosen(plans, "999") == "any"
    found = plans.choose("101", "alice", {}, NOW)
    assert found is not None
    assert found[1] == "to 1XX, from alice"


def test_every_candidate_is_explained(tmp_path: Path) -> None:
    write(tmp_path, "a", "[{to: '100'}]")
    write(tmp_path, "b", "[{to: '200'}]")
    plans = Plans([tmp_path], House)
    plans.reload()
    assert [(c.plan.name, c.why) for c in plans.explain("100", "alice", {}, NOW)] == [
        ("a", "to 100"),
        ("b", "to 100 does not match 200"),
    ]


def test_nobody_is_at_a_number_that_no_route_names(tmp_path: Path) -> None:
    write(tmp_path, "a", "[{to: '100'}]")
    plans = Plans([tmp_path], House)
    plans.reload()
    assert plans.choose("300", "alice", {}, NOW) is None


def test_a_plan_without_routes_takes_what_is_left(tmp_path: Path) -> None:
    write(tmp_path, "a", "[{to: '100'}]")
    write(tmp_path, "swml", "")
    plans = Plans([tmp_path], House)
    assert plans.reload() == []
    assert (chosen(plans, "100"), chosen(plans, "300")) == ("a", "swml")


def test_a_plan_that_fails_the_check_is_not_loaded_and_the_old_one_stays(tmp_path: Path) -> None:
    path = write(tmp_path, "a", "[{to: '100'}]")
    plans = Plans([tmp_path], House)
    plans.reload()
    (old,) = plans.plans
    for broken in ("[{to: '200'}]", "[hangp]"), ("[{to: '200'}]", "[{goto: x}]"):
        write(tmp_path, "a", *broken)
        assert [f.file for f in plans.reload()] == [str(path)]
        assert plans.plans == (old,)
    path.write_text("sections: {main: [hangup")
    assert plans.reload()
    assert chosen(plans, "100") == "a"
    write(tmp_path, "a", "[{to: '200'}]")
    assert plans.reload() == []
    assert (chosen(plans, "100"), chosen(plans, "200")) == (None, "a")


def test_a_file_that_is_gone_takes_its_plan_along(tmp_path: Path) -> None:
    path = write(tmp_path, "a", "[{to: '100'}]")
    plans = Plans([tmp_path], House)
    plans.reload()
    path.unlink()
    assert plans.reload() == []
    assert plans.plans == ()


def test_two_plans_cannot_claim_the_same_route(tmp_path: Path) -> None:
    first = write(tmp_path, "a", "[{to: '100'}]")
    write(tmp_path, "b", "[{to: '300'}, {to: '100'}]")
    plans = Plans([tmp_path], House)
    (error,) = plans.reload()
    assert error.message == f"this route is in {first} already"
    assert error.key == "routes[1]"
    assert [plan.name for plan in plans.plans] == ["a"]


def test_a_missing_folder_is_a_finding(tmp_path: Path) -> None:
    (finding,) = Plans([tmp_path / "nowhere"], House).reload()
    assert "no such file" in finding.message
