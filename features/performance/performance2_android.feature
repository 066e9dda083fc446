@PERFORMANCE-2
Feature: PERFORMANCE-2 Inference Speed (Android)

  # From the decoded picture in memory to the unit vector, on an Android phone: see docs/DEVICES.md.
  Scenario Outline: <target>
    Given the ViT-Small student model deployed on an Android phone
    When processing a single image
    Then inference MUST complete in <100ms
    And this holds for the 99th percentile of at least 1024 queries over at least 60 s, at 95 % confidence

    Examples: targets
      | target  |
      | android |
