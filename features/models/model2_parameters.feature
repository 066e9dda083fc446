@MODEL-2
Feature: MODEL-2 Parameters of the architectures in profile "prd"

  Scenario Outline: <target>
    Given the architecture of the target in profile "prd"
    When counting the parameters of backbone and projection head
    Then there are <millions> million parameters within 3 %
    And the embedding has 768 dimensions

    Examples: targets
      | target  | millions |
      | teacher | 304      |
      | server  | 304      |
      | android | 22       |
      | ios     | 89       |
      | hailo8l | 29       |
