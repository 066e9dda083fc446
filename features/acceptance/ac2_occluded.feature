@AC-2
Feature: AC-2 Embedding Quality (Occluded Images)

  Scenario Outline: <target>
    Given a card image with 20% occlusion
    When computing its embedding and finding nearest neighbor
    Then the correct card MUST be in top-3 nearest neighbors
    And the distance to correct card MUST be <0.4
    And this holds for at least 85 % of 640 photos, at 95 % confidence

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |

  @reported
  Scenario Outline: Reported zero-shot: <target>
    Given an image of a card that training never saw with 20% occlusion
    When computing its embedding and finding nearest neighbor
    Then the correct card MUST be in top-3 nearest neighbors
    And the distance to correct card MUST be <0.4
    And the share that satisfies this is reported, over 320 photos

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |
