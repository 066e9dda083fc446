import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.training.view_plan import TRAINING_PLAN
from cardembed.training.views import open_pool

# `counted_run` lies beside its test; pytest's importlib mode puts no folder on the path.
sys.path.append(str(Path(__file__).parent))

TRAINING = replace(TRAINING_PLAN, views_per_card=5, unknowns=8, unknown_cards=4, outliers=6)

# Where PyTorch is missing, what needs it is not collected.
collect_ignore_glob = [] if importlib.util.find_spec("timm") else ["test_[!v]*.py"]


@pytest.fixture(scope="session")
def catalogue():
    return SyntheticCatalogue(5, 6)


@pytest.fixture(scope="session")
def pool(catalogue, own_cache):
    return open_pool(TRAINING, catalogue, (96, 112, 128), workers=1)
