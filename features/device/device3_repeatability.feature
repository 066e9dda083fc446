# A ConvNeXt has been reported whose compiled form is perfect in emulation and answers differently on every run on
# the chip: see docs/HAILO.md.
@DEVICE-3
Feature: DEVICE-3 A device answers the same input with the same bytes

  Scenario Outline: <target>
    Given the artefact of the release on its device
    When embedding 16 photos of the photo set 10 times
    Then every time gives the same bytes

    Examples: targets
      | target  |
      | hailo8l |
