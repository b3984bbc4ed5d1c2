import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Introduction", css_file="demo.css")

with app.setup:
    import base64
    import io
    from functools import cache

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    import collective as co

    # fixed: to find them anew takes longer than to draw
    MARGINS = {"left": 0.09, "right": 0.98, "bottom": 0.14, "top": 0.9, "wspace": 0.28}
    # the legend stands above the axes, where it covers no curve
    ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "frameon": False}
    ABOVE |= {"fontsize": 9, "columnspacing": 1.0, "handletextpad": 0.5}
    TIMES = np.linspace(0, 5, 201)
    DISTANCES = np.linspace(0.1, 2, 191)
    # amplitudes of the one excitation in the first and in the second atom
    STARTS = {
        "in phase": np.array([1, 1]) / np.sqrt(2),
        "opposite": np.array([1, -1]) / np.sqrt(2),
        "first atom": np.array([1, 0]),
    }


@app.function
def shown(figure, alt):
    """The figure as it is, and what it shows: without a second layout, in half the time."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    data = base64.b64encode(picture.getvalue()).decode()
    image = f'<img class="figure" alt="{alt}" src="data:image/png;base64,{data}">'
    return mo.Html(
        f'<div class="scroll" tabindex="0" role="group" aria-label="figure">{image}</div>'
    )


@app.cell
def _():
    mo.md("""
    # Introduction

    An excited atom alone decays at the rate Γ₀. Two atoms share the light field: the light of one
    reaches the other. Two numbers say what this does. Γ₁₂ is the decay that they share: an
    excitation in both atoms, with equal amplitudes, decays at Γ₀ + Γ₁₂ in phase and at Γ₀ − Γ₁₂
    with opposite signs. Δ₁₂ is the shift of their frequency: it moves the excitation from one atom
    to the other and back.

    With N atoms these numbers become two matrices, Γ and Δ. All demos use them. Times are in units
    of the lifetime 1/Γ₀, distances in wavelengths λ₀ of the light. In this first demo the dipoles
    are perpendicular to the line between the atoms.
    """)
    return


@app.function
def couplings_at(distance):
    """Γ and Δ of two atoms at this distance."""
    return co.couple(co.chain(2, distance), co.Vacuum())


@app.function
@cache
def along_the_line():
    """Γ₁₂ and Δ₁₂ at each of DISTANCES, from one atom at 0 to an atom at each distance."""
    places = np.zeros((1 + len(DISTANCES), 3))
    places[1:, 2] = DISTANCES
    couplings = co.couple(co.Emitters(places, dipoles=(1, 0, 0)), co.Vacuum())
    return couplings.decay[0, 1:], couplings.shift[0, 1:]


@app.cell
def _():
    distance = mo.ui.slider(0.1, 2, 0.05, value=0.25, label="distance (λ₀)", show_value=True)
    start = mo.ui.dropdown(list(STARTS), value="in phase", label="start")
    mo.hstack([distance, start], justify="center", wrap=True, gap=2)
    return distance, start


@app.cell
def _(distance, start):
    couplings = couplings_at(distance.value)
    decay, shift = couplings.decay[0, 1], couplings.shift[0, 1]
    amplitudes = STARTS[start.value]
    result = co.evolve(
        couplings,
        co.states.from_amplitudes(amplitudes),
        TIMES,
        method="single",
        progress=False,
    )
    decay_curve, shift_curve = along_the_line()
    blue, red = co.plot.COLOURS[:2]

    figure = Figure(figsize=(7.6, 3.7), dpi=92)
    left, right = figure.subplots(1, 2, gridspec_kw=MARGINS)
    left.axhline(0, color="0.7", lw=0.8, zorder=0)
    left.plot(DISTANCES, decay_curve, color=blue, label="Γ₁₂")
    left.plot(DISTANCES, shift_curve, "--", color=red, label="Δ₁₂")
    left.plot(distance.value, decay, "o", color=blue, label="this distance")
    left.plot(distance.value, shift, "o", color=red)
    left.set(xlabel="distance (λ₀)", ylabel="coupling (Γ₀)", xlim=(0, 2.03), ylim=(-1, 2.7))
    left.legend(**ABOVE)
    right.plot(TIMES, result.excitation, color=blue, label="two atoms")
    right.plot(TIMES, np.exp(-TIMES), "--", color="0.4", label="one atom alone")
    right.set(xlabel="time (1/Γ₀)", ylabel="excitation that is left", xlim=(0, 5), ylim=(0, 1.02))
    right.legend(**ABOVE)
    shown(
        figure,
        "Left, Γ₁₂ and Δ₁₂ against distance, with dots at the slider; right, the excitation that "
        "is left in the two atoms against time, beside one atom alone.",
    )
    return decay, result, shift


@app.cell
def _(decay, result, shift):
    mo.Html(
        f"""
        <div class="numbers">
          <div><span class="number">{1 + decay:.3f} and {1 - decay:.3f} Γ₀</span>
            decay rates in phase and opposite</div>
          <div><span class="number">{shift:.3f} Γ₀</span> shift Δ₁₂</div>
          <div><span class="number">{result.excitation[-1]:.3f}</span>
            excitation left at t = {TIMES[-1]:.0f}/Γ₀</div>
        </div>
        """
    )
    return


@app.cell
def _():
    mo.md("""
    ## Three questions to answer by dragging
    """)
    return


@app.cell
def _():
    questions = {
        "At 0.1 λ₀: which start is bright, and which is dark?": """
        In phase is bright: both atoms emit like one antenna, at 1.923 Γ₀. Opposite is dark, at
        0.077 Γ₀: what one atom emits, the other cancels. Seen from far away they are at one place.
        """,
        "Is the start in phase always the bright one?": """
        No. At 0.7 λ₀ the light of one atom comes to the other out of step: Γ₁₂ is negative, and the
        start in phase decays more slowly than an atom alone.
        """,
        "The first atom is excited, at 0.1 λ₀. Why is a third of it left at t = 5/Γ₀?": """
        This start is half bright and half dark. The bright half is gone after two lifetimes. The
        dark half, in both atoms, decays at 0.077 Γ₀: 0.34 is left at t = 5/Γ₀.
        """,
    }
    mo.accordion(questions)
    return (questions,)


@app.cell
def _():
    contents = mo.md("""
    ## The demos in teaching order

    1. [An atom before a mirror](?file=1_an_atom_before_a_mirror.py): one atom and its own light.
    2. [Detuning and beats](?file=2_detuning_and_beats.py): two atoms that differ.
    3. [A pair on a wire](?file=3_a_pair_on_a_wire.py): two atoms and a wave between them.
    4. [Light from a phased array](?file=4_light_from_a_phased_array.py): one excitation of many.
    5. [Spacing and the burst](?file=5_spacing_and_the_burst.py): a few atoms, all excited.
    6. [A hundred atoms](?file=6_a_hundred_atoms.py): many atoms, all excited.
    7. [RWA on trial](?file=7_rwa_on_trial.py): when may one drop the fast terms?

    Each demo has one figure, a few numbers, and three questions. Answer a question with the
    sliders before you open its answer.
    """)
    contents
    return (contents,)


if __name__ == "__main__":
    app.run()
