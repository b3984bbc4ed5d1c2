import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Detuning and beats", css_file="demo.css")

with app.setup:
    import base64
    import io

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    import collective as co

    # fixed: to find them anew takes longer than to draw
    MARGINS = {"left": 0.11, "right": 0.98, "bottom": 0.14, "top": 0.9, "wspace": 0.22}
    # the legend stands above the axes, where it covers no curve
    ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "frameon": False}
    ABOVE |= {"fontsize": 9, "columnspacing": 1.0, "handletextpad": 0.5}
    TIMES = np.linspace(0, 6, 241)
    DETUNINGS = np.linspace(0, 6, 121)


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
    # Detuning and beats

    Two emitters share a decay Γ₁₂ and a shift Δ₁₂. The first is excited. Are they one system with
    a bright and a dark mode, or two emitters with a beat between them? Their detuning
    δ = ω₁ − ω₂ decides.
    """)
    return


@app.function
def detuned_pair(detuning, decay, shift):
    """Couplings of two emitters whose frequencies differ by δ; all rates are in Γ₀."""
    return co.Couplings(
        [[1, decay], [decay, 1]], [[0, shift], [shift, 0]], detunings=[detuning / 2, -detuning / 2]
    )


@app.function
def rates_and_beat(detuning, decay, shift):
    """Both decay rates and the beat frequency: −2 Im λ and the difference of Re λ."""
    root = np.sqrt(detuning**2 + 4 * (shift - 0.5j * decay) ** 2 + 0j)
    return 1 - abs(root.imag), 1 + abs(root.imag), abs(root.real)


@app.cell
def _():
    detuning = mo.ui.slider(0, 6, 0.1, value=3, label="detuning δ (Γ₀)", show_value=True)
    decay = mo.ui.slider(0, 1, 0.05, value=0.9, label="Γ₁₂ (Γ₀)", show_value=True)
    shift = mo.ui.slider(0, 3, 0.1, value=0, label="Δ₁₂ (Γ₀)", show_value=True)
    mo.hstack([detuning, decay, shift], justify="center", wrap=True, gap=2)
    return decay, detuning, shift


@app.cell
def _(decay, detuning, shift):
    coupling = (decay.value, shift.value)
    result = co.evolve(
        detuned_pair(detuning.value, *coupling),
        co.states.single(0),
        TIMES,
        method="single",
        progress=False,
    )

    figure = Figure(figsize=(7.6, 3.7), dpi=92)
    left, right = figure.subplots(1, 2, gridspec_kw=MARGINS)
    left.semilogy(TIMES, result.emission, color=co.plot.COLOURS[0], label="together")
    left.semilogy(TIMES, np.exp(-TIMES), "--", color="0.4", label="the first alone")
    left.set(xlabel="time (1/Γ₀)", ylabel="emission rate (Γ₀)", xlim=(0, 6), ylim=(1e-4, 2))
    left.minorticks_off()
    left.yaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
    left.legend(**ABOVE)

    slow, fast, beat = rates_and_beat(DETUNINGS, *coupling)
    now = rates_and_beat(detuning.value, *coupling)
    blue, red = co.plot.COLOURS[:2]
    right.plot(DETUNINGS, fast, color=blue, label="decay rates")
    right.plot(DETUNINGS, slow, color=blue)
    right.plot(DETUNINGS, beat, "--", color=red, label="beat")
    right.plot([detuning.value] * 2, now[:2], "o", color=blue)  # dots at the slider
    right.plot(detuning.value, now[2], "o", color=red)
    right.plot(DETUNINGS, DETUNINGS, ":", color="0.5", label="uncoupled")
    right.set(xlabel="detuning δ (Γ₀)", ylabel="rate or frequency (Γ₀)", ylim=(-0.2, 7))
    right.legend(**ABOVE)
    shown(
        figure,
        "Left, the emission of the pair against time, beside the first emitter alone; right, both "
        "decay rates and the beat frequency against detuning, with dots at the slider.",
    )
    return (now,)


@app.cell
def _(now):
    mo.Html(
        f"""
        <div class="numbers">
          <div><span class="number">{now[0]:.3f} and {now[1]:.3f} Γ₀</span> decay rates</div>
          <div><span class="number">{now[2]:.3f} Γ₀</span> beat frequency</div>
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
        "Without a shift, at what detuning does the beat begin?": """
        At δ = Γ₁₂, an *exceptional point*: there both modes are the same. Below it they decay
        at Γ₀ ± √(Γ₁₂² − δ²) and never beat; above it both decay at Γ₀ and beat at √(δ² − Γ₁₂²).
        """,
        "With Δ₁₂ = 2 Γ₀, how far must the emitters be detuned to begin to act alone?": """
        Much further: the crossover is at δ ≈ 2Δ₁₂. Now there is a beat at every detuning (at
        δ = 0 only in the populations, not in the emission), because the excitation goes back
        and forth, at √(δ² + 4Δ₁₂²) if Γ₁₂ = 0. There is no sharp point any more.
        """,
        "With Γ₁₂ = 1, up to which detuning is there a dark mode?": """
        At δ = 0 half of the excitation is never emitted, because the slower rate is 0. With any
        detuning it is emitted, for small δ at the rate δ²/2 (in Γ₀): 0.046 Γ₀ for δ = 0.3 Γ₀.
        From δ = Γ₀ on there is no dark mode at all.
        """,
    }
    mo.accordion(questions)
    return (questions,)


if __name__ == "__main__":
    app.run()
