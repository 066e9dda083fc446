@AC-7
Feature: AC-7 Embedding Discrimination

  # A census, not a sample: no confidence bound is needed.
  Scenario Outline: <target>
    Given embeddings of two DIFFERENT cards
    When computing cosine similarity
    Then the similarity MUST be <0.5
    And this holds for at least 99 % of all gallery pairs with different artwork
    And the share of cards whose nearest impostor satisfies this is reported

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |

  @reported
  Scenario Outline: Reported same artwork: <target>
    Given embeddings of two cards that share artwork
    When computing cosine similarity
    Then the similarity MUST be <0.5
    And the share that satisfies this is reported, over all gallery pairs with the same artwork

    Examples: targets
      | target  |
      | teacher |
      | server  |
      | android |
      | ios     |
      | hailo8l |
