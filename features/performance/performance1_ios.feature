@PERFORMANCE-1
Feature: PERFORMANCE-1 Inference Speed (iOS)

  # From the decoded picture in memory to the unit vector, on an iPhone: see docs/DEVICES.md.
  Scenario Outline: <target>
    Given the ConvNeXt-Base student model deployed on an iPhone
    When processing a single image
    Then inference MUST complete in <50ms
    And this holds for the 99th percentile of at least 1024 queries over at least 60 s, at 95 % confidence

    Examples: targets
      | target |
      | ios    |
