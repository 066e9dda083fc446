"""The compile kit that a HEF came back in: whether it is of the release, and whether the HEF is of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cardembed.errors import DigestMismatchError, ReleaseError
from cardembed.export.hailo.compiler import COMPILED, FLOORS, QUANTISED, shortfall
from cardembed.export.hailo.manifest import CompiledRecord, KitManifest, read_compiled, read_kit
from cardembed.hef import Finding, Hef
from cardembed.release import Release

__all__ = ["ShownKit"]


@dataclass(frozen=True, slots=True)
class ShownKit:
    """A kit that somebody names for a HEF."""

    path: Path
    """Its folder, or its `kit.json`."""
    manifest: KitManifest
    """What the kit is made of and for."""
    sha256: str
    """Digest of `kit.json`."""
    record: CompiledRecord | None
    """What its `compile.py` left; None where it left nothing, as where Hailo's commands compiled it."""

    @classmethod
    def read(cls, path: Path) -> ShownKit:
        """The kit of that folder, or of that `kit.json`.

        Raises:
            ArtefactError: No kit.
            DigestMismatchError: `compiled.json` is of another kit.
        """
        manifest, digest = read_kit(path)
        record = read_compiled(path)
        if record is not None and record.kit_sha256 != digest:
            raise DigestMismatchError(
                path,
                expected=f"{COMPILED} of this kit",
                found="that of another one",
                action="compile this kit, or name the one that was compiled",
            )
        return cls(path, manifest, digest, record)

    @property
    def proven_sha256(self) -> str | None:
        """Digest of the kit that the HEF was made from; None where a name is all that ties the two."""
        return None if self.record is None else self.sha256

    def check_release(self, release: Release, target: str) -> None:
        """Hold it against a release's target.

        Raises:
            ReleaseError: It is of another target, of other weights or another preprocessing.
        """
        wanted = {
            "target": target,
            "weights": release.weights(target).sha256,
            "preprocessing": {
                **release.preprocessing.model_dump(mode="json"),
                "size": release.target(target).input_size,
            },
        }
        found = {
            "target": self.manifest.target,
            "weights": self.manifest.weights_sha256,
            "preprocessing": self.manifest.preprocessing,
        }
        if differing := [name for name, value in wanted.items() if found[name] != value]:
            raise ReleaseError(
                self.path,
                expected=f"a kit of the release's own {target}",
                found=f"another {' and '.join(differing)}",
                action="export the kit of this release again and compile it",
            )

    def check_hef(self, file: Path, hef: Hef, sha256: str) -> None:
        """Hold it against the HEF: by its digest in `compiled.json`, or by the name of its network without.

        Raises:
            DigestMismatchError: The kit's compiler wrote another one.
            ReleaseError: It is another network's, or the compiler's emulation of it was not the student.
        """
        names = [group.name for group in hef.network_groups]
        if self.record is None and names != [self.manifest.network]:
            raise ReleaseError(
                file,
                expected=f"the network {self.manifest.network}, as the kit has the compiler call it",
                found=", ".join(names) or "none",
                action="name the HEF that was compiled from this kit, or the kit that this one is from",
            )
        if self.record is None:
            return
        if self.record.hef_sha256 != sha256:
            raise DigestMismatchError(
                file,
                expected=f"SHA-256 {self.record.hef_sha256[:16]}…, which {COMPILED} of the kit tells of",
                found=f"{sha256[:16]}…",
                action="name the HEF that lies in the kit",
            )
        if wrong := [text for name in FLOORS if (text := shortfall(self.record.emulated, name)) is not None]:
            raise ReleaseError(
                self.path,
                expected="the student, by the compiler's emulation in float",
                found=f"in {COMPILED}, " + "; ".join(wrong),
                action="export the kit again and compile it",
            )

    def findings(self) -> list[Finding]:
        """What somebody should know of how the HEF came about."""
        if self.record is None:
            text = (
                f"no {COMPILED} lies in the kit: nothing but the network's name says that this HEF was made "
                "from it, and how near it comes to the student was not measured; python3 compile.py does both"
            )
            return [Finding("warning", "kit", text)]
        poor = shortfall(self.record.emulated, QUANTISED)
        return [] if poor is None else [Finding("warning", "emulation", poor)]
