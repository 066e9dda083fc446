package dev.cardembed.device

/** Why a request was not executed. */
class DeviceRunException(message: String) : Exception(message)
