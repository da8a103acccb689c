"""Images and pretrained weights of a run, brought to its worktree: from git, DVC or the disk."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secondlook.artifacts.files import hash_file
from secondlook.config.dvc import load_dvc_status
from secondlook.config.errors import DataError
from secondlook.config.yaml_files import format_yaml, load_yaml
from secondlook.reproduction.sandbox import CACHE_REMOTE, Sandbox, list_remotes
from secondlook.training.pretrained_weights import get_weights_path

DVC_OUT_KEYS = ("md5", "size", "nfiles")


def count_levels_above(path: str) -> int:
    """Return how many folders above the project a path leads."""
    return 0 if Path(path).is_absolute() else Path(os.path.normpath(path)).parts.count("..")


def bring_recorded_images(shop: Sandbox, path: str, recorded: Mapping[str, Any]) -> str:
    """Put the images that dvc.lock recorded at data.path in the worktree; return where from.

    Its dvc.lock must be there: that these are the images, DVC says by their digest. Raises
    DataError when they are nowhere to be had.
    """
    if maker := _find_making_stage(shop, path):
        return f"the stage {maker}, which runs again"
    if Path(path).is_absolute():
        found = "the disk" if Path(path).exists() else None
    elif (shop.project / path).exists():
        found = "git"
    else:
        found = _pull_data(shop, path, recorded)
    if found is None or path in find_changed_deps(shop, "split"):
        found = _link_workspace_data(shop, path)
    if found is None or path in find_changed_deps(shop, "split"):
        raise DataError(_describe_missing_images(shop, path, recorded))
    return found


def bring_present_images(shop: Sandbox, path: str) -> str:
    """Put today's images at data.path in the worktree; return where from.

    Raises DataError when there are none.
    """
    if maker := _find_making_stage(shop, path):
        return f"the stage {maker}, which runs again"
    if (shop.project / path).exists():
        return "the disk" if Path(path).is_absolute() else "git"
    found = _pull_data(shop, path, None) or _link_workspace_data(shop, path)
    if found is None:
        raise DataError(f"{path}: no images there; neither in git nor in DVC nor on disk")
    return found


def _find_making_stage(shop: Sandbox, path: str) -> str | None:
    """Return the stage of dvc.lock that writes `path`: people may add one that downloads."""
    for name, stage in shop.locked_stages.items():
        if path in {os.path.normpath(out["path"]) for out in stage.get("outs", [])}:
            return name
    return None


def find_changed_deps(shop: Sandbox, stage: str) -> list[str]:
    """Return what the stage, and those before it, depend on that is not as dvc.lock recorded.

    What is yet to be made is left out. Raises SecondLookError where DVC cannot tell.
    """
    stages = load_dvc_status("--with-deps", stage, cwd=shop.project, environment=shop.environment)
    changed = [part for parts in stages.values() for part in parts if isinstance(part, dict)]
    deps = [dep for part in changed for dep in part.get("changed deps", {}).items()]
    return sorted({os.path.normpath(path) for path, kind in deps if kind != "deleted"})


def bring_weights(shop: Sandbox, backbone: Mapping[str, Any]) -> str:
    """Put the weights that a run starts from in the worktree; return where from.

    Raises DataError where a file with their digest is nowhere to be had.
    """
    path, wanted = str(get_weights_path(backbone["name"])), backbone["sha256"]
    there, noted = shop.project / path, f"{path}.dvc"
    if not (shop.project / noted).exists() and (shop.workspace / noted).exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shop.workspace / noted, shop.project / noted)  # perhaps never committed
    for bring in (_find_in_git, _pull_recorded, _link_workspace_data):
        found = bring(shop, path)
        if found is not None and there.is_file() and hash_file(there) == wanted:
            return found
    named = _name_remotes(shop)
    raise DataError(
        f"{path}: weights with the run's sha256 ({wanted}) are neither in git nor in DVC's cache "
        f"nor in a remote ({named}) nor in the workspace; `dvc push` them where they still are, or "
        f"`secondlook weights {backbone['name']}`, with --from FILE where they are not Keras's"
    )


def _find_in_git(shop: Sandbox, path: str) -> str | None:
    return "git" if (shop.project / path).exists() else None


def _pull_recorded(shop: Sandbox, path: str) -> str | None:
    return _pull_data(shop, path, None)


def _pull_data(shop: Sandbox, path: str, recorded: Mapping[str, Any] | None) -> str | None:
    """Fetch what DVC knows as `path`, or by the digest recorded of it; None where it is gone."""
    if not is_in_dvc(shop.project, path):
        if recorded is None or count_levels_above(path):
            return None
        _write_dvc_file(shop.project / path, recorded)
    for remote in list_remotes(shop):
        if shop.run_dvc("pull", "--remote", remote, path, capture=True).returncode == 0:
            return "DVC's cache" if remote == CACHE_REMOTE else f"the DVC remote {remote}"
    return None


def is_in_dvc(project: Path, path: str) -> bool:
    """Tell whether a .dvc file says that DVC keeps `path` or a folder above it."""
    above = [Path(path), *Path(path).parents]
    kept = {
        os.path.normpath(file.parent.relative_to(project) / out["path"])
        for folder in above
        for file in sorted((project / folder).parent.glob("*.dvc"))
        if file.is_file()
        for out in load_yaml(file)["outs"]
    }
    return any(str(folder) in kept for folder in above)


def _write_dvc_file(target: Path, recorded: Mapping[str, Any]) -> None:
    """Write the .dvc file that `dvc add` would: it was perhaps never committed."""
    out = {key: recorded[key] for key in DVC_OUT_KEYS if key in recorded}
    described = {"outs": [{**out, "hash": "md5", "path": target.name}]}
    target.parent.mkdir(parents=True, exist_ok=True)
    text = format_yaml(described)
    target.with_name(f"{target.name}.dvc").write_text(text, encoding="utf-8")


def _link_workspace_data(shop: Sandbox, path: str) -> str | None:
    """Let the worktree read data where they lie in the workspace; None where there are none.

    They take the place of what git had of them.
    """
    here, there = shop.workspace / path, shop.project / path
    if Path(path).is_absolute() or not here.exists():
        return None
    if there.is_dir() and not there.is_symlink():
        shutil.rmtree(there)
    there.with_name(f"{there.name}.dvc").unlink(missing_ok=True)
    there.unlink(missing_ok=True)
    there.parent.mkdir(parents=True, exist_ok=True)
    there.symlink_to(here.resolve())
    return f"the workspace's {'folder' if here.is_dir() else 'file'}"


def _describe_missing_images(shop: Sandbox, path: str, recorded: Mapping[str, Any]) -> str:
    kind = "folder" if "nfiles" in recorded else "file"
    held = "holds others now" if (shop.workspace / path).exists() else "is not there"
    return (
        f"{path}: the images of the run (md5 {recorded['md5']}, {recorded.get('nfiles', 1)} files) "
        f"are neither in git nor in DVC's cache nor in a remote ({_name_remotes(shop)}), and the "
        f"{kind} {held}; `dvc push` them where they still are, or put them back"
    )


def _name_remotes(shop: Sandbox) -> str:
    named = [name for name in list_remotes(shop) if name != CACHE_REMOTE]
    return ", ".join(named) or "none is set up"
