"""A release changes two files, makes one commit and one tag, and refuses what would not be one."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest

from scripts.release.__main__ import ReleaseError, main, release

TODAY = datetime.date(2030, 2, 1)
PROJECT = '[project]\nname = "example"\nversion = "1.0.0"\n\n[tool.other]\ntarget-version = "py310"\n'
CHANGELOG = "# Changelog\n\n## 1.1.0\n\n### Added\n\n- Something.\n\n## 1.0.0 - 2030-01-01\n\n- Everything.\n"


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=repository, check=True, capture_output=True, text=True
    ).stdout.rstrip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with a version and a changelog, all committed."""
    git(tmp_path, "init", "--quiet")
    for name, value in (
        ("user.name", "Somebody"),
        ("user.email", "somebody@example.org"),
        ("commit.gpgsign", "false"),
        ("tag.gpgsign", "false"),
        ("core.hooksPath", "/dev/null"),
    ):
        git(tmp_path, "config", name, value)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def test_a_release_sets_the_version_dates_its_section_commits_and_tags(repository: Path) -> None:
    assert release(repository, "1.1.0", TODAY) == "v1.1.0"
    assert (repository / "pyproject.toml").read_text() == PROJECT.replace("1.0.0", "1.1.0")
    assert (repository / "CHANGELOG.md").read_text() == CHANGELOG.replace("## 1.1.0", "## 1.1.0 - 2030-02-01")
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "--format=%s") == "Release 1.1.0\nBegin"
    assert git(repository, "cat-file", "-t", "v1.1.0") == "tag"
    assert git(repository, "rev-parse", "v1.1.0^{commit}") == git(repository, "rev-parse", "HEAD")


def test_a_release_names_its_images(repository: Path) -> None:
    manifest = "containers:\n  - image: localhost/emotion-proxy:{}\n  - image: docker.io/prom/prometheus:v1.0.0\n"
    (repository / "compose.yaml").write_text(manifest.format("1.0.0"))
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "Run it in containers")
    release(repository, "1.1.0", TODAY)
    assert (repository / "compose.yaml").read_text() == manifest.format("1.1.0")
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.1", "'1.1' is not a version"),
        ("v1.1.0", "'v1.1.0' is not a version"),
        ("1.1.0-rc1", "'1.1.0-rc1' is not a version"),
        ("1.0.0", "1.0.0 is not above 1.0.0"),
        ("0.9.10", "0.9.10 is not above 1.0.0"),
        ("1.10.0", "CHANGELOG.md has no section `## 1.10.0`"),
    ],
)
def test_a_version_that_cannot_be_next_is_refused(repository: Path, version: str, message: str) -> None:
    assert_refused(repository, version, message)


@pytest.mark.parametrize("name", ["new.txt", "pyproject.toml"])
def test_a_dirty_tree_is_refused(repository: Path, name: str) -> None:
    with (repository / name).open("a") as file:
        file.write("\n")
    assert_refused(repository, "1.1.0", f"not committed.*{name}")


@pytest.mark.parametrize("changelog", ["# Changelog\n", CHANGELOG.replace("- Something.", "")])
def test_a_version_that_the_changelog_says_nothing_of_is_refused(repository: Path, changelog: str) -> None:
    (repository / "CHANGELOG.md").write_text(changelog)
    git(repository, "commit", "--all", "--quiet", "--message", "Say nothing")
    assert_refused(repository, "1.1.0", "CHANGELOG.md has no section `## 1.1.0` with entries")


def test_a_tag_that_exists_is_refused(repository: Path) -> None:
    git(repository, "tag", "v1.1.0")
    assert_refused(repository, "1.1.0", "the tag v1.1.0 exists already")


def test_the_command_prints_why_it_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["0.0.1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err


def assert_refused(repository: Path, version: str, message: str) -> None:
    """It is refused with the message (a pattern), and neither files, commits nor tags are others than before."""
    before = state(repository)
    with pytest.raises(ReleaseError, match=f"(?s){message}"):
        release(repository, version, TODAY)
    assert state(repository) == before


def state(repository: Path) -> tuple[str, ...]:
    files = tuple((repository / name).read_text() for name in ("pyproject.toml", "CHANGELOG.md"))
    return (*files, git(repository, "status", "--porcelain"), git(repository, "log"), git(repository, "tag"))
