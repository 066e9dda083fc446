# What executes it depends on the machine: Apple's runtime on a Mac, elsewhere an executor of this project.
@DEPLOYMENT-2
Feature: DEPLOYMENT-2 What a deployed Core ML program declares

  Scenario Outline: <target>
    Given the artefact of the release
    When reading what the deployed file declares
    Then it is of the format "ML Program", version "iOS 16"
    And its only input is "input": float32 images of the size that the release states
    And its only output is "embedding": float32, 768 numbers an image
    And "cardembed.coreml float16-optimistic" executes it, or Core ML on the units that the run asks for

    Examples: targets
      | target |
      | ios    |
