"""Where PyTorch is missing, what needs it is not collected."""

import importlib.util

collect_ignore_glob = (
    [] if importlib.util.find_spec("timm") else ["test_[!p]*.py"]
)  # test_profiles.py needs none
