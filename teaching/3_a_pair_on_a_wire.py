import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="A pair on a wire", css_file="demo.css")

with app.setup:
    import base64
    import io
    from functools import cache

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    import collective as co

    # fixed: to find them anew takes longer than to draw
    MARGINS = {"left": 0.09, "right": 0.98, "bottom": 0.14, "top": 0.9, "wspace": 0.24}
    # the legend stands above the axes, where it covers no curve
    ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "frameon": False}
    ABOVE |= {"fontsize": 9, "columnspacing": 1.0, "handletextpad": 0.5}
    K = 2 * np.pi
    RADIUS = 0.02  # in wavelengths
    WIRE = co.Nanowire(RADIUS, co.materials.Drude.from_value(-50 + 0.6j, K))  # like silver
    PLASMON = K / WIRE.plasmon(K).real  # its wavelength
    DISTANCES = np.linspace(0.1, 2, 96)
    GAPS = [0.005, 0.01, 0.02, 0.04, 0.08]  # from the surface of the wire
    TIMES = np.linspace(0, 5, 101)


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
    mo.md(
        f"""
        # A pair on a wire

        Two atoms are beside a silver wire of radius {RADIUS} λ₀. Their dipoles point at its axis,
        and the first atom is excited. A plasmon on the wire, of wavelength {PLASMON:.3f} λ₀,
        carries the excitation to the second atom. Times and rates are in units of the decay rate of
        one atom at the wire.
        """
    )
    return


@app.function
@cache
def along_the_wire(gap):
    """Rate of one atom in Γ₀, its share β into the plasmon, and Γ₁₂, Δ₁₂ at all DISTANCES."""
    one = co.Emitters([[RADIUS + gap, 0, 0]], dipoles=(1, 0, 0))
    rate = WIRE.purcell(one)[0]
    there = one.positions + DISTANCES[:, None] * [0, 0, 1]
    green = WIRE.green(one.positions[0], there, K)[:, 0, 0]
    decay, shift = 6 * np.pi / K * green.imag / rate, -3 * np.pi / K * green.real / rate
    return rate, WIRE.plasmon_rate(one)[0] / rate, decay, shift


@app.function
def pair_at(gap, distance):
    """Couplings of the pair in units of the rate of one atom."""
    _, _, decay, shift = along_the_wire(gap)
    m = np.abs(DISTANCES - distance).argmin()
    return co.Couplings([[1, decay[m]], [decay[m], 1]], [[0, shift[m]], [shift[m], 0]])


@app.cell
def _():
    for _gap in GAPS:  # once, a fraction of a second each
        along_the_wire(_gap)
    distance = mo.ui.slider(
        0.1, 2, 0.02, value=0.66, label="distance along the wire (λ₀)", show_value=True
    )
    gap = mo.ui.slider(steps=GAPS, value=0.01, label="gap to the wire (λ₀)", show_value=True)
    mo.hstack([distance, gap], justify="center", wrap=True, gap=2)
    return distance, gap


@app.cell
def _(distance, gap):
    couplings = pair_at(gap.value, distance.value)
    result = co.evolve(
        couplings,
        co.states.single(0),
        TIMES,
        method="single",
        observe="correlations",
        progress=False,
    )
    concurrence = 2 * np.abs(result.correlations[:, 0, 1])  # of one shared excitation
    rate, beta, decay, shift = along_the_wire(gap.value)
    blue, red, green = co.plot.COLOURS[:3]

    figure = Figure(figsize=(7.6, 3.7), dpi=92)
    left, right = figure.subplots(1, 2, gridspec_kw=MARGINS)
    left.plot(DISTANCES, decay, color=blue, label="Γ₁₂")
    left.plot(DISTANCES, shift, "--", color=red, label="Δ₁₂")
    left.plot(distance.value, couplings.decay[0, 1], "o", color=blue, label="this distance")
    left.plot(distance.value, couplings.shift[0, 1], "o", color=red)
    left.axhline(0, color="0.7", lw=0.8, zorder=0)
    left.set(xlabel="distance (λ₀)", ylabel="coupling / Γ₁₁", ylim=(-1.05, 1.05))
    left.set_yticks([-1, -0.5, 0, 0.5, 1])
    left.legend(**ABOVE)
    right.plot(TIMES, result.populations[:, 0], color=blue, label="first")
    right.plot(TIMES, result.populations[:, 1], "--", color=red, label="second")
    right.plot(TIMES, concurrence, ":", color=green, lw=2, label="concurrence")
    right.set(xlabel="time (1/Γ₁₁)", ylabel="probability to be excited", xlim=(0, 5), ylim=(0, 1))
    right.legend(**ABOVE)
    shown(
        figure,
        "Left, Γ₁₂ and Δ₁₂ against distance, with dots at the slider; right, the populations of "
        "both atoms and their concurrence against time.",
    )
    return beta, concurrence, couplings, rate


@app.cell
def _(beta, concurrence, couplings, rate):
    shared = couplings.decay[0, 1]
    mo.Html(
        f"""
        <div class="numbers">
          <div><span class="number">{1 - abs(shared):.3f} and {1 + abs(shared):.3f} Γ₁₁</span>
            rates of the dark and the bright mode</div>
          <div><span class="number">{concurrence.max():.3f}</span> largest concurrence</div>
          <div><span class="number">{beta:.2f}</span>
            of the light into the plasmon, Γ₁₁ = {rate:.1f} Γ₀</div>
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
        "At which distances is one mode darkest? What separates them?": f"""
        Where |Γ₁₂| is largest. These distances are half a wavelength of the plasmon apart,
        {PLASMON / 2:.3f} λ₀, and the sign of Γ₁₂ alternates between them: the dark mode is
        antisymmetric at a whole wavelength and symmetric at half a wavelength. Δ₁₂ vanishes
        there.
        """,
        "What happens a quarter of the plasmon's wavelength further on?": """
        Γ₁₂ vanishes, and Δ₁₂ is largest, nearly Γ₁₁/2. No mode is dark: part of the excitation
        goes to the second atom and back while it decays. The entanglement rises, but then it
        decays.
        """,
        "At which gap do the atoms get most entangled?": """
        At 0.01 to 0.02 λ₀. At smaller gaps the metal absorbs more. At larger gaps more light
        leaves to the side and less goes along the wire: β is this share. At 0.08 λ₀ a third of
        the light does not go into the plasmon, and the concurrence is about half as large.
        """,
    }
    mo.accordion(questions)
    return (questions,)


if __name__ == "__main__":
    app.run()
