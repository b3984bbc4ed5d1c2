"""Trajectories of driven, pumped or dephased emitters, and of any operator: all 2^N amplitudes."""
