@AC-6
Feature: AC-6 Embedding Consistency

  Scenario Outline: <target>
    Given two images of the same card (different conditions)
    When computing embeddings for both
    Then the cosine similarity MUST be >0.8
    And this holds for at least 95 % of 640 pairs, at 95 % confidence

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |

  @reported
  Scenario Outline: Reported clean and occluded: <target>
    Given a clean and an occluded image of the same card
    When computing embeddings for both
    Then the cosine similarity MUST be >0.8
    And the share that satisfies this is reported, over 640 pairs

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |

  @reported
  Scenario Outline: Reported clean and glare: <target>
    Given a clean and a glare image of the same card
    When computing embeddings for both
    Then the cosine similarity MUST be >0.8
    And the share that satisfies this is reported, over 640 pairs

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |
