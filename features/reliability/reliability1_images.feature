@RELIABILITY-1
Feature: RELIABILITY-1 A bad image gets one line and exit code 2

  Scenario Outline: <image>
    Given the file "<image>"
    When running: cardembed identify "<image>"
    Then the exit code is 2
    And standard error is one line that names "<image>"
    And nothing was written

    Examples: images that nobody can use
      | image                |
      | empty.jpg            |
      | truncated.jpg        |
      | one-pixel.png        |
      | bomb.png             |
      | animated.webp        |
      | text-in-disguise.png |
