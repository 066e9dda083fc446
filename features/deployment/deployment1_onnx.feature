@DEPLOYMENT-1
Feature: DEPLOYMENT-1 What a deployed ONNX file declares

  Scenario Outline: <target>
    Given the artefact of the release
    When reading what the deployed file declares
    Then it is of the format "ONNX", version "opset 17"
    And its only input is "input": float32 images of the size that the release states
    And its only output is "embedding": float32, 768 numbers an image
    And "CPUExecutionProvider" executes it, and nothing else

    Examples: targets
      | target  |
      | server  |
      | android |
