# The device's artefact was made from the release's weights: float16 differs by 1e-4, another model by far more.
@DEVICE-2
Feature: DEVICE-2 A device executes the release's model

  Scenario Outline: <target>
    Given the same prepared tensor embedded on the device and by the release on the host
    When computing cosine similarity between their embeddings
    Then the similarity MUST be >0.999
    And this holds for at least 95 % of 64 photos, at 95 % confidence

    Examples: targets
      | target  |
      | android |
      | ios     |
