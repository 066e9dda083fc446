@AC-5
Feature: AC-5 Inference Speed

  Scenario Outline: <target>
    Given the ConvNeXt-Tiny student model deployed on Hailo 8L
    When processing a single image
    Then inference MUST complete in <25ms
    And this holds for the 99th percentile of at least 1024 queries over at least 60 s, at 95 % confidence

    Examples: targets
      | target  |
      | hailo8l |
