"""The one door: `python -m stages <name>`, also installed as `secondlook`."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from pydantic_core import SchemaError

from secondlook.commands.cli import main
from secondlook.commands.command_group import COMMANDS, MODULES, ProjectCommand, read_summary
from tests.support.project import ROOT

DOOR = [sys.executable, "-m", "stages"]


def call_secondlook(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Go through the door from a folder and return what came of it."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [*DOOR, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_help_names_every_stage() -> None:
    """`--help` lists each stage of dvc.yaml."""
    shown = call_secondlook("--help").stdout
    for stage in yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]:
        assert f"\n  {stage} " in shown


def test_help_imports_nothing_heavy() -> None:
    """Help is there at once: none of the libraries that take a second to import is needed."""
    code = (
        "import sys; sys.argv = ['secondlook', '--help']\n"
        "from secondlook.commands.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'numpy', 'pandas', 'tensorflow', 'mlflow', 'sklearn',"
        " 'matplotlib', 'PIL', 'rich', 'pydantic', 'yaml', 'ruamel'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_called_like_an_option_is_refused_with_the_reason(project: Path) -> None:
    """By params.yaml, not as an option that nobody knows."""
    path = project / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  dense:", "  -aug:"), "utf-8")
    done = call_secondlook("train", "-aug", folder=project)
    assert done.returncode == 1
    assert done.stderr.startswith("secondlook: params.yaml: runs.-aug: found '-aug'; expected ")


# root may write everywhere, without these powers it is like everybody else
POWERS = "-dac_override,-dac_read_search,-fowner,-chown"
POWERLESS = ["setpriv", f"--bounding-set={POWERS}", f"--inh-caps={POWERS}"]


@pytest.mark.parametrize(
    "command", ["retrain", "retrain --json", "retrain --dry-run", "promote x", "rollback", "split"]
)
def test_a_checkout_that_may_not_be_written_is_told(command: str, project: Path) -> None:
    """In one line, as JSON where that is wanted; nobody sees a traceback."""
    folders = [project / ".dvc/tmp/second_look", project / "data"]
    for folder in folders:
        folder.mkdir(parents=True)
        folder.chmod(0o555)
    done = subprocess.run(
        [*(POWERLESS if os.getuid() == 0 else []), *DOOR, *command.split()],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    for folder in folders:
        folder.chmod(0o755)
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Permission denied; make the folder writable and run again" in told
    assert told.count("\n") == 1
    assert ("--json" in command) == told.startswith("{")


@pytest.mark.parametrize(
    ("encoding", "option", "shown"),
    [
        ("utf-8", "", "é “Ω” ±1 ?"),
        ("latin-1", "", 'é "?" ±1 ?'),
        ("ascii", "", '? "?" +-1 ?'),
        ("ascii", "--json", r"\u00e9 \u201c\u03a9\u201d \u00b11 \udcff"),
        ("utf-8", "--json", r"é “Ω” ±1 \udcff"),
    ],
)
def test_no_sign_ends_a_command(encoding: str, option: str, shown: str) -> None:
    """What a terminal has not is shown as what comes near it; JSON keeps it, escaped."""
    code = (
        "import sys; from secondlook.commands.cli import main\n"
        f"sys.argv = ['secondlook', 'predict', '--help', '{option or '--top=1'}']\n"
        "try: main()\n"
        r"finally: print('\u00e9 \u201c\u03a9\u201d \xb11 \udcff')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode(encoding).splitlines()[-1] == shown


def test_a_mistake_is_one_line_and_exit_1(project: Path) -> None:
    """A run that params.yaml does not have is told on stderr, without a traceback."""
    done = call_secondlook("train", "waited", folder=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("secondlook: params.yaml: runs: no run 'waited'; ")
    assert done.stderr.count("\n") == 1


def test_a_folder_without_project_is_told(tmp_path: Path) -> None:
    """Outside of any project the door says so."""
    done = call_secondlook("split", folder=tmp_path)
    assert done.returncode == 1
    assert "no dvc.yaml here or above" in done.stderr


def test_a_project_is_found_from_below(project: Path) -> None:
    """In a subfolder the project above is meant."""
    below = project / "deep" / "down"
    below.mkdir(parents=True)
    assert "no run 'waited'" in call_secondlook("train", "waited", folder=below).stderr


def test_a_bug_keeps_its_traceback(project: Path) -> None:
    """What is not the user's mistake is shown whole."""
    (project / "data" / "preprocess" / "facts.json").mkdir(parents=True)
    done = call_secondlook("evaluate", "dense", folder=project)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_the_installed_script_is_the_same_door() -> None:
    """`secondlook` is in the environment and shows the same help."""
    script = Path(sys.executable).with_name("secondlook")
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown == call_secondlook("--help").stdout


@pytest.mark.parametrize("arguments", [[], ["tran"], ["train"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """Nothing, an unknown name, or a missing run is told with the usage."""
    done = call_secondlook(*arguments)
    assert done.returncode == 2
    assert "Usage: secondlook" in done.stderr


def test_who_interrupts_early_sees_no_traceback(project: Path) -> None:
    """Ctrl-C while the libraries behind params.yaml are still being imported is one line."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    told = []
    for wait in (0.1, 0.2, 0.4, 0.8):
        with subprocess.Popen(
            [*DOOR, "split"], cwd=project, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            told.append(process.communicate()[1])
    assert any("interrupted" in said for said in told)
    assert not any("Traceback" in said and "secondlook/" in said for said in told)


def test_an_interruption_that_pydantic_wraps_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it builds a class comes out of it as an error of its own."""

    def raise_wrapped() -> None:
        raise SchemaError("Error building `model` serializer:\n  KeyboardInterrupt: ")

    monkeypatch.chdir(ROOT)
    command = ProjectCommand("x", callback=raise_wrapped)
    with command.make_context("x", []) as context, pytest.raises(KeyboardInterrupt):
        command.invoke(context)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("tran", "did you mean train?"), ("predikt", "did you mean predict?"), ("x", "expected one")],
)
def test_a_mistyped_name_is_told_with_the_nearest(name: str, advice: str) -> None:
    """Who mistypes a command is told which one may be meant."""
    assert f"no stage or command '{name}'; {advice}" in call_secondlook(name).stderr


@pytest.mark.parametrize("name", MODULES)
def test_a_summary_is_what_its_file_says(name: str) -> None:
    """What the help says of a command stands in one place: the first line of its file."""
    module = importlib.import_module(MODULES[name])
    assert read_summary(name) == (module.__doc__ or "").splitlines()[0]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(
    name: str, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its help says what the list says, and ends well, also outside of projects."""
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "argv", ["secondlook", name, option])
    main()
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"Usage: secondlook {name} ")
    assert read_summary(name) in told


def test_the_commands_are_the_files() -> None:
    """Each file of the room is a command, but for what all of them are made with."""
    files = {path.stem for path in (ROOT / "secondlook/commands").glob("[!_]*.py")}
    assert files - {"cli", "command_group"} == set(COMMANDS)


def test_a_shell_completes_names_at_once() -> None:
    """TAB offers every name with what it does, without importing numpy."""
    code = (
        "import sys; from secondlook.commands.cli import main\n"
        "try: main()\n"
        "finally: print({'numpy', 'pydantic', 'rich'} & set(sys.modules))"
    )
    words = {"COMP_WORDS": "secondlook ", "COMP_CWORD": "1"}
    environment = {"PYTHONPATH": str(ROOT), "_SECONDLOOK_COMPLETE": "bash_complete", **words}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [*(f"plain,{name}" for name in MODULES), "set()"]
