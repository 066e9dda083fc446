@RELIABILITY-2
Feature: RELIABILITY-2 Bad input gets one line and exit code 2

  Scenario: Folder without images
    Given an empty folder "cards"
    When running: cardembed cards check "cards"
    Then the exit code is 2
    And standard error is one line that names "cards"
    And nothing was written

  Scenario: Missing release
    Given an empty folder "release"
    When running: cardembed release verify "release"
    Then the exit code is 2
    And standard error is one line that names "release"
    And nothing was written

  Scenario: Photo set without a manifest
    Given an empty folder "photos"
    When running: cardembed photos check "photos"
    Then the exit code is 2
    And standard error is one line that names "photos"
    And nothing was written

  Scenario: Unknown command
    Given an empty folder "here"
    When running: cardembed nonsense "here"
    Then the exit code is 2
    And standard error is one line that names "nonsense"
    And nothing was written
