import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Light from a phased array", css_file="demo.css")

with app.setup:
    import base64
    import io

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    import collective as co

    # the legend stands above the axes, where it covers no curve
    ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "frameon": False}
    ABOVE |= {"fontsize": 9, "columnspacing": 1.0, "handletextpad": 0.5}
    TIMES = np.linspace(0, 6, 61)
    ANGLES = np.radians(np.arange(-180, 181))  # from the normal of the chain, towards its axis
    DIRECTIONS = np.column_stack([np.cos(ANGLES), 0 * ANGLES, np.sin(ANGLES)])


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
    # Light from a phased array

    A chain of atoms shares one excitation, with a phase step φ from each atom to the next (the
    *timed Dicke state*). The dipoles are perpendicular to the page, so that a single atom radiates
    equally in all directions of the page. Where does the array send its light, and how fast?
    """)
    return


@app.function
def shine(n, spacing, degrees):
    """The decay of one excitation with a phase step between neighbours along z."""
    atoms = co.chain(n, spacing, dipoles=(0, 1, 0))
    state = co.states.timed_dicke((0, 0, np.radians(degrees) / spacing))
    return co.evolve(
        co.couple(atoms, co.Vacuum()),
        state,
        TIMES,
        method="single",
        observe="correlations",
        progress=False,
    )


@app.function
def pattern(result, step):
    """Photons per time and solid angle in DIRECTIONS, in units of one excited atom."""
    waves = np.exp(2j * np.pi * DIRECTIONS @ result.couplings.emitters.positions.T)
    return np.einsum("dm,mn,dn->d", waves, result.correlations[step], waves.conj()).real


@app.cell
def _():
    atoms = mo.ui.slider(2, 12, value=8, label="atoms N", show_value=True)
    spacing = mo.ui.slider(0.1, 1.2, 0.05, value=0.4, label="spacing (λ₀)", show_value=True)
    phase = mo.ui.slider(-180, 180, 5, value=60, label="phase φ (degrees)", show_value=True)
    time = mo.ui.slider(0, 6, 0.1, value=0, label="time (1/Γ₀)", show_value=True)
    mo.hstack([atoms, spacing, phase, time], justify="center", wrap=True, gap=2)
    return atoms, phase, spacing, time


@app.cell
def _(atoms, phase, spacing, time):
    result = shine(atoms.value, spacing.value, phase.value)
    now = np.abs(TIMES - time.value).argmin()
    light = pattern(result, now)
    blue, red = co.plot.COLOURS[:2]

    figure = Figure(figsize=(7.6, 3.9), dpi=92)
    left = figure.add_axes((0.07, 0.08, 0.36, 0.8), projection="polar")
    left.set_theta_zero_location("N")
    left.set_theta_direction(-1)
    left.plot(ANGLES, light, color=blue)
    left.fill(ANGLES, light, color=blue, alpha=0.2)
    left.plot(ANGLES, np.full(361, result.excitation[now]), "--", color="0.4")
    left.set_rmax(1.05 * max(light.max(), result.excitation[now]))
    left.set_thetagrids(range(0, 360, 90), ["0°", "90°", "180°", "−90°"])
    left.set_rlabel_position(22.5)
    left.yaxis.set_major_locator(MaxNLocator(4))

    right = figure.add_axes((0.63, 0.14, 0.35, 0.76))
    right.semilogy(TIMES, result.emission, color=blue, label="array")
    right.semilogy(TIMES, np.exp(-TIMES), "--", color="0.4", label="one atom")
    right.plot(TIMES[now], result.emission[now], "o", color=red, label="now")
    right.set(xlabel="time (1/Γ₀)", ylabel="emission rate (Γ₀)", xlim=(-0.1, 6), ylim=(1e-4, 5))
    right.minorticks_off()
    right.yaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
    right.legend(**ABOVE)
    shown(
        figure,
        "Left, a polar plot of the light of the array, beside that of one atom; right, its "
        "emission against time, with a dot at the slider.",
    )
    return light, now, result


@app.cell
def _(light, now, result):
    brightest = light[90:271].argmax() - 90  # behind the array it is the same
    mo.Html(
        f"""
        <div class="numbers">
          <div><span class="number">{brightest}°</span> the brightest direction</div>
          <div><span class="number">{light.max() / result.excitation[now]:.2f}</span>
            times as bright there as one atom</div>
          <div><span class="number">{result.emission[now] / result.excitation[now]:.3f} Γ₀</span>
            decay rate at this time</div>
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
        "Time 0, spacing 0.25 λ₀: which phase sends the light along the chain? And beyond?": """
        90°, the phase that light gains from one atom to the next: sin(angle) = φλ₀/(360° a).
        For larger phases there is no direction in which all atoms add up, and the array becomes
        dark: at 180° eight atoms decay at a twelfth of Γ₀, the *subradiance* of a guided mode.
        """,
        "Phase 0: from what spacing on are there beams along the chain as well?": """
        They appear from 0.9 λ₀ on, and at 1 λ₀ they are as bright as the first beam: neighbours
        are again in phase along the axis, which is the next order of a grating. With a phase of
        180° half a wavelength is enough.
        """,
        "What decides how narrow the beam is, and how bright?": """
        The length Na over the wavelength decides the width. The number of atoms decides the
        brightness, which is N times that of one atom in the direction in which all add up. A
        narrow beam has a small solid angle, and therefore a small decay rate.
        """,
    }
    mo.accordion(questions)
    return (questions,)


if __name__ == "__main__":
    app.run()
