"""Training the teacher, stage by stage; a stage that ended is read back, one that was cut off is resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import canonical_json, sha256_bytes
from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead
from cardembed.models.weights import load_weights, read_metadata, save_weights
from cardembed.training.classes import view_floors, view_labels
from cardembed.training.features import backbone_features, module_digest, square_features
from cardembed.training.fine_tuning import fine_tune
from cardembed.training.gallery_scans import GalleryScans
from cardembed.training.head import HeadData, arcface_after, train_head
from cardembed.training.loop import LoopOptions
from cardembed.training.losses import Gallery
from cardembed.training.pretraining import pretrain
from cardembed.training.recipes import FineTuningRecipe, TeacherRecipe
from cardembed.training.rehearsal import Rehearsal
from cardembed.training.stage_file import Ended, StageFile
from cardembed.training.view_plan import PRETRAINING_PLAN, ViewPlan
from cardembed.training.views import ViewPool, open_pool

__all__ = ["STAGE_0", "TeacherRun", "fine_tunings"]

STAGE_0 = "teacher-pretrained.safetensors"
"""Stage 0's weights, in the run's folder."""


def fine_tunings(recipe: TeacherRecipe) -> Iterator[tuple[str, str, FineTuningRecipe]]:
    """Stage 2 and its repetitions: what each is called, its log's name without suffix, and its settings."""
    yield "fine-tuning", "teacher", recipe.fine_tuning
    for number, again in enumerate(recipe.refinements, 1):
        yield f"refinement {number}", f"teacher-refinement-{number}", again


@dataclass(frozen=True)
class _Stage:
    name: str
    file: StageFile
    options: LoopOptions
    train: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class TeacherRun:
    """What the stages share."""

    model: EmbeddingModel
    """Untrained, or with a published backbone; trained in place."""
    pool: ViewPool
    """Training views of the catalogue."""
    scans: GalleryScans
    """The cards to learn, and those that stand in the gallery, too: training sees no photo of these."""
    recipe: TeacherRecipe
    """Settings of all stages."""
    out: Path
    """Folder of the logs and of the stages' weights."""
    pretraining_plan: ViewPlan = PRETRAINING_PLAN
    """Views of stage 0."""
    workers: int = 2
    """Processes that render stage 0's views."""
    resume: bool = False
    """Go on from the last checkpoint."""
    listener: Callable[[dict[str, float]], None] | None = None
    """Called with every log record."""
    rendering: Callable[[int, int], None] | None = None
    """Called while views are rendered or embedded: done, total."""

    def train(self) -> Ended:
        """All stages; returns the last log record of each, by "pretraining", "head", "fine-tuning" and so on.

        A stage that ended is read back from its file, and none before it is needed then.

        Raises:
            TrainingError: Collapse or divergence, or a stage's file that is damaged.
        """
        ended: Ended = {}
        if self.recipe.pretraining is not None:
            ended["pretraining"] = self._stage0()
        head = arcface_after(self.model, self.recipe.head, learned=len(self.scans.catalogue))
        stages = self._stages(head)
        first = 0
        for number in reversed(range(len(stages))):
            if (found := stages[number].file.read(self.model, head)) is not None:
                ended, first = found, number + 1
                break
        for stage in stages[first:]:
            ended[stage.name] = stage.train()
            stage.file.write(self.model, head, ended)
            stage.options.discard_checkpoint()
            # Its float16 is what the next stage starts from, here and wherever the file is taken.
            stage.file.read(self.model, head)
        return ended

    def _stages(self, head: ArcFaceHead) -> list[_Stage]:
        """Stage 1 and all that follow, each under a key of what it follows from."""
        squares, learned = self.scans.squares(self.model.input_size), len(self.scans.catalogue)
        gallery = Gallery(self.scans.cards.artworks, learned=learned)
        others = None if self.scans.distractors is None else self.scans.distractors.digest
        rehearsal = self._rehearsal(self.recipe.head.rehearsed, photos_per_card=1)
        rehearsed = None if rehearsal is None else rehearsal.key
        start = [module_digest(self.model.backbone), module_digest(self.model.head)]
        key = sha256_bytes(canonical_json([*start, self.pool.key, others, rehearsed]))
        options = self._options("teacher-head")
        learn = partial(self._learn_head, head, squares, gallery, rehearsal, key=key, options=options)
        key = sha256_bytes(canonical_json([key, asdict(self.recipe.head)]))
        stages = [_Stage("head", self._file("head", key), options, learn)]
        for name, log, recipe in fine_tunings(self.recipe):
            options = self._options(log)
            learn = partial(
                fine_tune, self.model, head, self.pool, recipe, scans=squares, gallery=gallery,
                rehearsal=self._rehearsal(recipe.rehearsed), key=key, options=options,
            )  # fmt: skip
            key = sha256_bytes(canonical_json([key, asdict(recipe)]))
            stages.append(_Stage(name, self._file(name, key), options, learn))
        return stages

    def _learn_head(
        self,
        head: ArcFaceHead,
        squares: NDArray[np.uint8],
        gallery: Gallery,
        rehearsal: Rehearsal | None,
        *,
        key: str,
        options: LoopOptions,
    ) -> dict[str, float]:
        """Stage 1; `head` is given its class vectors."""
        data = HeadData(
            features=backbone_features(self.model, self.pool, progress=self.rendering),
            labels=view_labels(self.pool, gallery.learned),
            floors=view_floors(self.pool, self.recipe.head.push),
            scans=square_features(self.model, squares),
            gallery=gallery,
            rehearsal=None if rehearsal is None else (rehearsal, self._features_of(rehearsal)),
        )
        trained, record = train_head(self.model, data, self.recipe.head, options, key=key)
        head.load_state_dict(trained.state_dict())
        return record

    def _file(self, stage: str, key: str) -> StageFile:
        return StageFile(self.out / f"teacher-{stage.replace(' ', '-')}.safetensors", key)

    def _options(self, log: str) -> LoopOptions:
        return LoopOptions(self.out / f"{log}.jsonl", resume=self.resume, listener=self.listener)

    @cached_property
    def _other_cards(self) -> tuple[ViewPool, Catalogue]:
        """Stage 0's views and cards, opened once for all stages; there must be a stage 0."""
        recipe = self.recipe.pretraining
        assert recipe is not None
        catalogue = load_catalogue(recipe.catalogue)
        pool = open_pool(
            self.pretraining_plan, catalogue, (self.model.input_size,),
            workers=self.workers, progress=self.rendering,
        )  # fmt: skip
        return pool, catalogue

    def _rehearsal(self, cards: int, *, photos_per_card: int | None = None) -> Rehearsal | None:
        recipe = self.recipe.pretraining
        if recipe is None or not cards:
            return None
        pool, catalogue = self._other_cards
        return Rehearsal(pool, catalogue.artworks, recipe, cards=cards, photos_per_card=photos_per_card)

    def _features_of(self, rehearsal: Rehearsal) -> np.ndarray[Any, np.dtype[np.float16]]:
        """Of each card's scan and first photo: the pool begins with them."""
        count = 2 * (int(rehearsal.pool.cards.max()) + 1)
        return backbone_features(self.model, rehearsal.pool, count=count, progress=self.rendering)

    def _stage0(self) -> dict[str, float]:
        recipe = self.recipe.pretraining
        assert recipe is not None
        pool, catalogue = self._other_cards
        settings = {"recipe": asdict(recipe), "pool": pool.key, "seed": self.recipe.seed}
        path = self.out / STAGE_0
        written = path.is_file() and read_metadata(path).get("settings") == json.dumps(
            settings, sort_keys=True
        )
        if not written:
            options = self._options("teacher-pretraining")
            ended = pretrain(self.model, pool, catalogue.artworks, recipe, options, seed=self.recipe.seed)
            save_weights(self.model, path, metadata={"settings": settings, "ended": ended})
            options.discard_checkpoint()
        # Read back in both cases: the file's float16 is what the next stages start from.
        self.model.load_state_dict(load_weights(path).state_dict())
        record: dict[str, float] = json.loads(read_metadata(path)["ended"])
        return record
