import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="An atom before a mirror", css_file="demo.css")

with app.setup:
    import base64
    import io

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    import collective as co

    # fixed: to find them anew takes longer than to draw
    MARGINS = {"left": 0.09, "right": 0.98, "bottom": 0.14, "top": 0.9, "wspace": 0.28}
    # the legend stands above the axes, where it covers no curve
    ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "frameon": False}
    ABOVE |= {"fontsize": 9, "columnspacing": 1.0, "handletextpad": 0.5}
    TIMES = np.linspace(0, 8, 321)
    DISTANCES = np.linspace(0.01, 1.5, 150)
    DIPOLES = {"dipole along": (1, 0, 0), "dipole across": (0, 0, 1)}
    LIGHT = [*DIPOLES, "in a fibre"]


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
    # An atom before a mirror

    An excited atom is at a distance z from a perfect mirror. Light that comes back from the mirror
    adds to the light that the atom emits, or cancels it: the decay rate Γ depends on z. In open
    space the dipole points along the mirror or across it. In a fibre that ends in a mirror all
    light comes back to the atom, and it may come back late.
    """)
    return


@app.function
def coupled(light, distance, delay=0.0):
    """One atom before a mirror; in the fibre, with the time of light to the mirror and back."""
    atom = co.Emitters([[0, 0, distance]], dipoles=DIPOLES.get(light, (1, 0, 0)))
    if light in DIPOLES:
        return co.couple(atom, co.Mirror())
    velocity = 2 * distance / delay if delay else None
    guide = co.Waveguide(1.0, 2 * np.pi, mirror=0.0, group_velocity=velocity)
    return co.couple(atom, guide)


@app.function
def decay_rates(light):
    """Γ/Γ₀ at every distance of DISTANCES, without delay."""
    if light not in DIPOLES:
        return 1 - np.cos(4 * np.pi * DISTANCES)
    places = np.zeros((len(DISTANCES), 3))
    places[:, 2] = DISTANCES
    return co.purcell(co.Emitters(places, dipoles=DIPOLES[light]), co.Mirror())


@app.function
def excited(light, distance, delay):
    """The probability that the atom is still excited at TIMES."""
    late = light not in DIPOLES and delay > 0
    result = co.evolve(
        coupled(light, distance, delay),
        "inverted",
        TIMES,
        method="retarded" if late else "single",
        progress=False,
    )
    return result.populations[:, 0]


@app.cell
def _():
    light = mo.ui.dropdown(LIGHT, value="dipole along", label="light")
    distance = mo.ui.slider(
        0.01, 1.5, 0.01, value=0.25, label="distance z (wavelengths)", show_value=True
    )
    delay = mo.ui.slider(
        0, 5, 0.5, value=0, label="delay τ in the fibre, there and back (1/Γ₀)", show_value=True
    )
    mo.hstack([light, distance, delay], justify="center", wrap=True, gap=2)
    return delay, distance, light


@app.cell
def _(delay, distance, light):
    population = excited(light.value, distance.value, delay.value)
    rate = coupled(light.value, distance.value).decay[0, 0]
    blue, red = co.plot.COLOURS[:2]

    figure = Figure(figsize=(7.6, 3.7), dpi=92)
    left, right = figure.subplots(1, 2, gridspec_kw=MARGINS)
    for name, style in zip(LIGHT, ("-", "--", ":"), strict=True):
        chosen = name == light.value
        width, colour = (2.2, blue) if chosen else (1.2, "0.5")
        left.plot(DISTANCES, decay_rates(name), style, color=colour, lw=width, label=name)
    left.plot(distance.value, rate, "o", color=red)
    left.set(xlabel="distance z (wavelengths)", ylabel="decay rate Γ/Γ₀", xlim=(0, 1.5))
    left.set(ylim=(-0.05, 2.1))
    left.legend(**ABOVE)

    right.plot(TIMES, population, color=blue, lw=2.2, label="with mirror")
    if light.value not in DIPOLES and delay.value:
        at_once = excited(light.value, distance.value, 0)
        right.plot(TIMES, at_once, ":", color=red, label="no delay")
    right.plot(TIMES, np.exp(-TIMES), "--", color="0.4", label="alone")
    right.set(xlabel="time (1/Γ₀)", ylabel="probability to be excited", xlim=(0, 8))
    right.set(ylim=(-0.02, 1.03))
    right.legend(**ABOVE)
    shown(
        figure,
        "Left, the decay rate against distance, for both dipoles and in the fibre, with a dot at "
        "the slider; right, the probability to be excited against time, beside an atom alone.",
    )
    return population, rate


@app.cell
def _(population, rate):
    mo.Html(
        f"""
        <div class="numbers">
          <div><span class="number">{rate:.3f} Γ₀</span> decay rate at this distance</div>
          <div><span class="number">{population[-1]:.3f}</span>
            still excited at t = {TIMES[-1]:.0f}/Γ₀</div>
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
        "Dipole along, dipole across: what is the decay rate close to the mirror, and why?": """
        Along, it goes to 0: the mirror image of the dipole points the other way, and both cancel.
        Across, it goes to 2 Γ₀: the image points the same way, and both add up. Twice the amplitude
        is four times the light, but only in the half of space before the mirror.
        """,
        "How far does the mirror reach, in open space and in the fibre?": """
        In open space light spreads, and the image gets weaker as 1/z for a dipole along, as 1/z²
        for a dipole across. Beyond one wavelength Γ differs from Γ₀ by at most 11 % and 2 %. In the
        fibre light does not spread: Γ = Γ₀(1 − cos 4πz) goes from 0 to 2 Γ₀ at any distance.
        """,
        "In the fibre at z = 0.5: what changes when the light comes back late?": """
        Without delay the atom stays excited for ever. With a delay τ it first decays as if it were
        alone, until its own light comes back at t = τ. Then light is caught between atom and
        mirror. The atom keeps 1/(1 + Γ₀τ/2)² of its excitation: 0.444 for Γ₀τ = 1, 0.250 for 2.
        """,
    }
    mo.accordion(questions)
    return (questions,)


if __name__ == "__main__":
    app.run()
