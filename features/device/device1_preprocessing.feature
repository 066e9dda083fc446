# Devices decode and resize by their own libraries. Every resampling filter that was tried stays above .997;
# a gamma of 1.1, another channel order, a crop or a turn falls below .99: see docs/DEVICES.md.
@DEVICE-1
Feature: DEVICE-1 A device prepares a JPEG as the host does

  Scenario Outline: <target>
    Given the same photo embedded on the device from a prepared tensor and from its JPEG
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.99
    And this holds for at least 95 % of 64 photos, at 95 % confidence

    Examples: targets
      | target  |
      | android |
      | ios     |
