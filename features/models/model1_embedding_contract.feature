@MODEL-1
Feature: MODEL-1 What every embedder returns

  Scenario Outline: <target>
    Given the artefact of the release
    When embedding 16 photos of the photo set
    Then every embedding has 768 dimensions
    And every embedding has length 1 within 1e-05
    And a photo on its own has the same embedding within 1e-05

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |
