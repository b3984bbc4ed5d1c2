"""stub"""
import numpy as np
def expected(request, kind): return 0.1
def band(request, kind, fields): return 0.1*np.abs(fields["emission"])
