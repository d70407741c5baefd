"""Time the simulation of basis sets, as a ratio to a direct evaluation in the same run.

    python benchmarks/basis/speed.py

Prints one line a sequence: CPU time of 22 metabolites with 2048 points, its limit,
and how many times longer the direct full-space evaluation takes for glutamate and
lactate (for which both are timed).
"""

import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dataclasses import replace

import numpy as np
from direct import DirectSystem

from glxflow.basis.protocol import Protocol
from glxflow.basis.pulses import adiabatic_localisation, editing_pulse, press_localisation
from glxflow.basis.simulate import simulate_basis
from glxflow.basis.spins import spin_groups
from glxflow.spectrum import Axis

AXIS = Axis(2048, 1 / 4000, 123.25, 4.65)
COMPARED = ("Glu", "Lac")
_MEGA_S = (0.005, 0.017, 0.017, 0.017, 0.012)
_SLASER_S = (0.0035, 0.007, 0.007, 0.007, 0.0035)
CASES = {
    "ideal PRESS": (Protocol("press", (0.006, 0.015, 0.009), AXIS), 0.5),
    "ideal semi-LASER": (Protocol("slaser", _SLASER_S, AXIS), 0.5),
    "shaped PRESS, 46 x 46": (
        Protocol("press", (0.0065, 0.015, 0.0085), AXIS, localisation=press_localisation()),
        4.0,
    ),
    "semi-LASER, 4 AFP, 40 x 40": (
        Protocol(
            "slaser",
            _SLASER_S,
            AXIS,
            localisation=replace(adiabatic_localisation(), n_positions=40),
        ),
        10.0,
    ),
    "MEGA-PRESS, shaped editing": (
        Protocol("megapress", _MEGA_S, AXIS, edit_ppm=1.9, editing=editing_pulse()),
        3.0,
    ),
}


def cpu_s(call):
    """Return the CPU time of a call, in s."""
    start = time.process_time()
    call()
    return time.process_time() - start


def direct(name, protocol):
    """Evaluate one metabolite in the full space; semi-LASER keeps the positions of a pair."""
    for group in spin_groups(name):
        system = DirectSystem(
            group.shifts_ppm, group.couplings_hz, protocol.carrier_ppm, 123.25, group.offset_hz
        )
        steps = zip(protocol.pulses, protocol.free_delays_s, strict=True)
        for index, (pulse, delay_s) in enumerate(steps):
            shape = protocol.shape_of(index)
            if shape is None:
                is_hit = np.abs(group.shifts_ppm - protocol.edit_ppm) < 0.4
                system.turn(pulse.angle_deg, is_hit if pulse.is_editing else None)
                system.keep(pulse.order)
            else:
                # One position for an editing pulse; those of one slice axis else.
                positions_hz = np.zeros(1) if pulse.is_editing else protocol.position_hz
                carrier_hz = (protocol.edit_ppm - protocol.carrier_ppm) * 123.25
                shape = shape.shifted(carrier_hz) if pulse.is_editing else shape
                system.shaped(shape.waveform_hz, shape.duration_s, positions_hz, pulse.order)
            system.wait(delay_s)
        system.acquire(AXIS.n_points, AXIS.dwell_time_s)


def main():
    """Print the table."""
    print(f"{'22 metabolites, 2048 points':30s} {'CPU s':>7s} {'limit':>6s} {'direct/own':>11s}")
    for title, (protocol, limit_s) in CASES.items():
        simulate_basis(protocol, ["Lac"])
        whole_s = cpu_s(lambda protocol=protocol: simulate_basis(protocol))
        own_s = cpu_s(lambda protocol=protocol: simulate_basis(protocol, COMPARED))
        direct_s = cpu_s(lambda protocol=protocol: [direct(name, protocol) for name in COMPARED])
        print(f"{title:30s} {whole_s:7.2f} {limit_s:6.1f} {direct_s / own_s:11.0f}")


if __name__ == "__main__":
    main()
