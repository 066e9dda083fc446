# The server's artefact is the teacher itself in another runtime, so it must agree with it, not resemble it.
# A file of its own: pytest-bdd keeps one scenario of a name in a feature, and drops the others silently.
@AC-8
Feature: AC-8 Student-Teacher Alignment (Parity of the Server)

  Scenario Outline: <target>
    Given the same image processed by teacher and student
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.95
    And 1 − cos is below 1e-06 for every one of 640 photos

    Examples: targets
      | target |
      | server |
