@AC-3
Feature: AC-3 Embedding Quality (Glare)

  Scenario Outline: <target>
    Given a holo/gold card image with visible glare
    When computing its embedding and finding nearest neighbor
    Then the correct card MUST be in top-5 nearest neighbors
    And this holds for at least 80 % of 640 photos, at 95 % confidence

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |
