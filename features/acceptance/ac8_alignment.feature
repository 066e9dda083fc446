@AC-8
Feature: AC-8 Student-Teacher Alignment

  Scenario Outline: <target>
    Given the same image processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And this holds for at least 95 % of 640 photos, at 95 % confidence
    And the teacher's embedding of the same photo is the nearest among the teacher's embeddings of all verdict photos for at least 95 % of them

    Examples: targets
      | target  |
      | android |
      | ios     |
      | hailo8l |

  # AC-2 and AC-3 judge students under occlusion and glare directly.
  @reported
  Scenario Outline: Reported occluded: <target>
    Given the same image with 20% occlusion processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And the share that satisfies this is reported, over 640 photos

    Examples: targets
      | target  |
      | android |
      | ios     |
      | hailo8l |

  @reported
  Scenario Outline: Reported glare: <target>
    Given the same image with visible glare processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And the share that satisfies this is reported, over 640 photos

    Examples: targets
      | target  |
      | android |
      | ios     |
      | hailo8l |
