import re

import numpy as np
import pytest

import collective as co
from collective import cli, demo


def test_the_demo_writes_a_figure_and_a_result_and_prints_correct_numbers(tmp_path, capsys):
    assert cli.main(["demo", "--output", str(tmp_path / "out"), "--emitters", "6"]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "out" / "demo.png").stat().st_size > 20_000
    result = co.load(tmp_path / "out" / "burst.npz")
    assert len(result.couplings) == 6

    first, second, third = printed.split("\n")[:3]
    emitters, spacing, time, height, gain = _numbers(first)
    assert (emitters, spacing) == (6, 0.1)
    # the same six atoms with ten times as many times around the flash, and six independent atoms
    fine = np.linspace(0, 0.4, 401)
    couplings = co.couple(co.chain(6, 0.1), co.Vacuum())
    together = co.evolve(couplings, "inverted", fine).emission
    alone = 6 * co.evolve(co.Couplings([[1.0]], [[0.0]]), "inverted", fine).emission
    i = together.argmax()
    np.testing.assert_allclose(height, together[i], atol=0.006)
    np.testing.assert_allclose(time, fine[i], atol=0.0016)
    np.testing.assert_allclose(gain, together[i] / alone[i], atol=0.006)
    assert gain > 1

    pair = demo.pair_without_shift()
    gamma12 = pair.decay[0, 1]
    assert abs(pair.shift[0, 1]) < 1e-12
    said = re.search(r"Γ₁₂ = ([\d.]+) .* at ([\d.]+) and ([\d.]+) Γ₀ .* beat at ([\d.]+)", second)
    np.testing.assert_allclose(
        list(map(float, said.groups())),
        [gamma12, 1 + gamma12, 1 - gamma12, np.sqrt(8) * gamma12],
        atol=5.1e-4,
    )

    # two levels coupled by G and 2ω₀ apart: 4G²/(4ω₀² + 4G²) at most, for G = ω₀/5
    percent = float(re.search(r"lift ([\d.]+) %", third).group(1))
    np.testing.assert_allclose(percent, 100 / 26, atol=0.1)


def test_output_must_be_a_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit):
        cli.main(["demo", "--output", str(tmp_path / "file")])
    assert "must be a folder" in capsys.readouterr().err
    for bad, message in (
        ("", "--output must name a file"),
        ("~nobody-here/x", "the home folder in"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["demo", "--output", bad])
        assert message in capsys.readouterr().err


def _numbers(text):
    return [float(x) for x in re.findall(r"(?<![₀-₉\w])\d+(?:\.\d+)?", text)]


def test_beats_and_rates_of_the_detuned_pair():
    """Beyond the exceptional point both modes decay at Γ₀, and the emission has the printed beat."""
    gamma12 = demo.pair_without_shift().decay[0, 1]
    pair = demo.pair_without_shift(3 * gamma12)
    np.testing.assert_allclose(pair.modes().rates, 1, atol=1e-9)
    times = np.linspace(0, 6, 1201)
    result = co.evolve(pair, co.states.single(0), times)
    beating = result.emission * np.exp(times)
    # e^{t}·R is periodic with the period of the beat
    maxima = times[1:-1][(beating[1:-1] > beating[:-2]) & (beating[1:-1] > beating[2:])]
    period = 2 * np.pi / (np.sqrt(8) * gamma12)
    np.testing.assert_allclose(np.diff(maxima), period, rtol=0.01)


def test_bad_command_lines(capsys):
    for arguments in ([], ["party"], ["demo", "--emitters", "40"]):
        with pytest.raises(SystemExit):
            cli.main(arguments)
    assert "--emitters must be from 3 to 10, got 40" in capsys.readouterr().err
