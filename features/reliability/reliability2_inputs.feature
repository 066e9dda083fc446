@RELIABILITY-2
Feature: RELIABILITY-2 Bad input gets one line and exit code 2

  Scenario Outline: <what>
    Given the folder "<folder>"
    When running: cardembed <command>
    Then the exit code is 2
    And standard error is one line that names "<named>"
    And nothing was written

    Examples: what nobody can use
      | what                       | folder          | command                                               | named               |
      | no images                  | empty           | cards check empty                                     | empty               |
      | two cards of one id        | duplicate-ids   | index build --catalogue duplicate-ids --out i.json    | x-1                 |
      | a scan that is missing     | missing-scan    | index build --catalogue missing-scan --out i.json     | none.png            |
      | a catalogue without cards  | empty-catalogue | index build --catalogue empty-catalogue --out i.json  | empty-catalogue     |
      | no release                 | empty           | release verify empty                                  | empty               |
      | an artefact of other bytes | other-bytes     | embed other-bytes other-bytes/photo.png --target teacher | teacher.safetensors |
      | an unknown target          | other-bytes     | identify other-bytes/photo.png --target watch         | watch               |
      | no photo set               | empty           | photos check empty                                    | empty               |
      | a photo that is missing    | missing-photo   | calibrate --photos missing-photo                      | p1.jpg              |
      | an unknown command         | empty           | nonsense                                              | nonsense            |
