"""Augmentation, fine-tuning, distillation, checkpoints."""
