"""What a user's field or model may have, and what is said of one that does not keep to it."""

import numpy as np
import pytest
from user_fields import Waveguide

import collective as co
from collective.fields import answers

K = 2 * np.pi


class Made:
    """A model that gives what it was made of."""

    def __init__(self, *answer):
        self.answer = answer

    def coefficients(self, emitters):
        return self.answer


PLACES = [[0.0, 0, 0], [0.13, 0, 0], [0.71, 0, 0]]
ATOMS = co.Emitters(PLACES, detunings=[0.1, 0.0, -0.2])


def test_a_waveguide_couples_emitters_as_its_closed_form_says():
    """Γ_mn = Γ cos k|x_m − x_n| and Δ_mn = ½Γ sin k|x_m − x_n|, real matrices."""
    found = co.couple(ATOMS, Waveguide())
    distances = np.abs(np.subtract.outer(ATOMS.positions[:, 0], ATOMS.positions[:, 0]))
    np.testing.assert_allclose(found.decay, np.cos(K * distances), atol=1e-14)
    np.testing.assert_allclose(found.shift, np.sin(K * distances) / 2, atol=1e-14)
    assert not np.iscomplexobj(found.decay)
    assert not np.iscomplexobj(found.shift)
    np.testing.assert_array_equal(found.detunings, ATOMS.detunings)
    assert found.emitters is ATOMS
    assert repr(found).startswith("Couplings: 3 two-level emitters in Waveguide(0.5, 0.5)")


def test_light_in_a_one_way_guide_reaches_only_emitters_ahead():
    """H_eff of a cascade is triangular: −iγe^{ik(x_m−x_n)} from n to m ahead, nothing back."""
    rate = 0.8
    found = co.couple(ATOMS, Waveguide(rate, 0.0))
    assert np.iscomplexobj(found.decay)
    assert np.abs(found.decay - found.decay.T).max() > 0.5  # not reciprocal
    effective = found.shift - 0.5j * found.decay
    x = ATOMS.positions[:, 0]
    ahead = np.tril(-1j * rate * np.exp(1j * K * (x[:, None] - x)), -1)
    expected = ahead - 0.5j * rate * np.eye(3)
    np.testing.assert_allclose(effective, expected, atol=1e-14)
    # an excited emitter at the far end decays by itself, and never excites the others
    last = co.evolve(
        found.replace(detunings=0.0), co.states.single(2), [0.0, 1.0, 2.0], progress=False
    )
    np.testing.assert_allclose(last.populations[:, :2], 0, atol=1e-12)
    np.testing.assert_allclose(last.populations[:, 2], np.exp(-rate * last.times), rtol=1e-7)


def test_emitters_of_a_model_may_be_at_one_place():
    """Nothing diverges: all of them share one mode."""
    found = co.couple(co.Emitters(np.zeros((3, 3))), Waveguide())
    np.testing.assert_array_equal(found.decay, np.ones((3, 3)))
    np.testing.assert_array_equal(found.shift, np.zeros((3, 3)))


def test_emitters_in_the_solid_matter_of_a_model_are_refused():
    class Above(Waveguide):
        def inside(self, points):
            return points[..., 2] < 0

    below = ATOMS.translated([0, 0, -0.1])
    for call in (co.couple, co.purcell):
        with pytest.raises(ValueError, match=r"emitters.positions\[0\] = .* in.* solid matter of"):
            call(below, Above())
    np.testing.assert_array_equal(
        co.couple(ATOMS, Above()).decay, co.couple(ATOMS, Waveguide()).decay
    )


def test_the_tensor_is_used_where_a_field_has_both():
    class Both(co.Vacuum):
        def coefficients(self, emitters):
            raise AssertionError

    np.testing.assert_array_equal(
        co.couple(ATOMS, Both()).decay, co.couple(ATOMS, co.Vacuum()).decay
    )


def test_purcell_of_a_model_is_its_rate_over_the_linewidth():
    atoms = ATOMS.replace(decay_rates=[1.0, 2.0, 4.0])
    np.testing.assert_allclose(co.purcell(atoms, Waveguide(3.0, 1.0)), [4.0, 2.0, 1.0])
    with pytest.raises(ValueError, match="linewidth of emitter 1 is zero"):
        co.purcell(ATOMS.replace(decay_rates=[1, 0, 1]), Waveguide())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((np.eye(3),), r"must return \(decay, shift\)"),
        ((np.eye(2), np.eye(2)), r"decay must have the shape \(3, 3\), of 3 emitters; got \(2, 2"),
        ((np.eye(3), np.eye(2)), r"shift must have the shape \(3, 3\)"),
        ((np.eye(3), np.triu(np.ones((3, 3)))), "shift must be Hermitian"),
        ((np.triu(np.ones((3, 3))), np.eye(3)), "decay must be Hermitian"),
        ((np.ones(3), np.eye(3)), "decay must be a square matrix"),
        ((-np.eye(3), np.eye(3)), "decay must be positive semidefinite"),
        ((np.ones((3, 3)) - 2 * np.eye(3), np.eye(3)), "decay must be positive semidefinite"),
        ((np.full((3, 3), np.nan), np.eye(3)), "decay must be finite"),
        (("no", "numbers"), "decay must be a number or"),
    ],
)
def test_coefficients_that_are_wrong_are_named(answer, message):
    with pytest.raises(ValueError, match=r"^field\.coefficients:? .*" + message):
        co.couple(ATOMS, Made(*answer))
    with pytest.raises(ValueError, match=r"^field\.coefficients:? .*" + message):
        co.purcell(ATOMS, Made(*answer))


def test_what_a_model_assumes_is_reported():
    class Approximate(Waveguide):
        def assumptions(self, emitters):
            return self.answer

    model = Approximate()
    model.answer = {"slow atoms": (0.05, "γ/κ")}
    row = co.couple(ATOMS, model).validity()["slow atoms"]
    assert (row.value, row.verdict, row.meaning) == (0.05, "doubtful", "γ/κ")
    for answer, message in (
        ([0.1], "field.assumptions must be Mapping"),
        ({"slow atoms": 0.1}, r"field.assumptions\['slow atoms'\] must be \(number, meaning\)"),
        ({"slow atoms": (-1.0, "")}, r"field.assumptions\['slow atoms'\] must not be negative"),
        ({"slow atoms": (np.nan, "")}, r"field.assumptions\['slow atoms'\] must be finite"),
    ):
        model.answer = answer
        with pytest.raises((TypeError, ValueError), match=message):
            co.couple(ATOMS, model).validity()


def test_what_needs_a_tensor_refuses_a_model_by_name():
    model = Waveguide()
    warm = ATOMS.replace(frequency=1e6, detunings=0.0)
    levels = co.Multilevel.from_emitters(warm)
    for call, kind, message in (
        (lambda: co.couple(ATOMS, model, shift="rwa"), ValueError, 'shift="rwa" needs a Green'),
        (lambda: co.couple(ATOMS, model, shift="resonant"), ValueError, "leaves an integral over"),
        (lambda: co.couple(warm, model, temperature=1e5), ValueError, "temperature = 100000"),
        (lambda: co.interaction(levels, model), TypeError, "has no Green's tensor"),
        (lambda: co.master_equation(warm, model), TypeError, "has no Green's tensor"),
        (lambda: co.check_field(model, PLACES), TypeError, "has no Green's tensor"),
    ):
        with pytest.raises(kind, match=message):
            call()
    result = co.evolve(
        co.couple(ATOMS, model), "inverted", [0.0, 1.0], observe="correlations", progress=False
    )
    with pytest.raises(TypeError, match="has no Green's tensor"):
        co.observables.near_field(result, [[0, 0, 1.0]])
    with pytest.raises(ValueError, match=r"angular_pattern needs the far field of electric"):
        co.observables.angular_pattern(result, [1, 0, 0])
    assert "Waveguide(0.5, 0.5) has no Green's tensor" in str(co.couple(warm, model).validity())
    assert not isinstance(model, co.Field)


def test_models_are_cited_saved_and_replaced(tmp_path):
    couplings = co.couple(ATOMS, Waveguide())
    assert co.citation(couplings).endswith(Waveguide.citation)
    result = co.evolve(couplings, "inverted", [0, 1], progress=False)
    again = co.load(result.save(tmp_path / "run.npz"))
    assert again.couplings.field is None
    assert again.diagnostics["field"] == "Waveguide(0.5, 0.5)"
    np.testing.assert_array_equal(again.couplings.shift, couplings.shift)


def test_a_field_of_magnetic_dipoles_alone():
    """`magnetic_green` is all that magnetic dipoles need."""

    class Magnetic:
        def magnetic_green(self, r, r_source, k):
            return co.Vacuum().magnetic_green(r, r_source, k)

    magnets = co.chain(2, 0.1, kind="magnetic")
    found = co.couple(magnets, Magnetic())
    np.testing.assert_array_equal(found.decay, co.couple(magnets, co.Vacuum()).decay)
    np.testing.assert_allclose(co.purcell(magnets, Magnetic()), 1.0)
    with pytest.raises(TypeError, match="field must be a Field"):
        co.couple(co.chain(2, 0.1), Magnetic())


def wall(**members):
    """Vacuum with some members replaced."""
    return type("Wall", (co.Vacuum,), members)()


@pytest.mark.parametrize(
    ("field", "kind", "message"),
    [
        (wall(inside=lambda self, points: np.zeros(1, bool)), ValueError, "inside must return a"),
        (wall(inside=lambda self, points: points[..., 0]), ValueError, "inside must return a"),
        (wall(lengths={"gap": "wide"}), ValueError, r"field.lengths\['gap'\] must be a number or"),
        (wall(lengths=[0.1]), TypeError, "field.lengths must be Mapping"),
    ],
)
def test_optional_members_that_are_wrong_are_named(field, kind, message):
    for call in (co.couple, co.purcell):
        with pytest.raises(kind, match=message):
            call(ATOMS, field)


def test_other_optional_members_that_are_wrong_are_named():
    flat = co.couple(ATOMS, wall(far_field=lambda self, n, r, k: np.ones(3)))
    result = co.evolve(flat, "inverted", [0.0], observe="correlations", progress=False)
    with pytest.raises(ValueError, match="far_field must return finite numbers of shape"):
        co.observables.angular_pattern(result, [1, 0, 0])
    with pytest.raises(TypeError, match=r"field\.citation must be str"):
        co.citation(co.couple(ATOMS, wall(citation=["a book"])))


def test_a_length_in_another_unit_is_asked_about():
    thin = wall(lengths={"gap": 30e-9})
    for call in (co.couple, co.purcell):
        with pytest.warns(co.UnitWarning, match="field: its gap is 3e-08, which is 3e-08 wavel"):
            call(ATOMS, thin)
    with pytest.warns(co.UnitWarning, match="field: its gap is 3e-08"):
        co.master_equation(ATOMS.replace(frequency=1e6, detunings=0.0), thin)


def test_fields_without_optional_members_have_none():
    class Bare:
        def green(self, r, r_source, k):
            return co.Vacuum().green(r, r_source, k)

    assert not answers.inside(Bare(), np.ones((2, 4, 3))).any()
    assert answers.inside(Bare(), np.ones((2, 4, 3))).shape == (2, 4)
    assert not answers.lengths(Bare())
    assert answers.citation(Bare()) == answers.citation(None) == ""
    assert not answers.has_far_field(Bare(), "electric")
    assert not answers.without_tensor(Bare())
