package method

import "math"

// secular minimises a quadratic model held in check by the length of the step, in the
// basis of the Hessian's eigenvectors, whose eigenvalues rise:
//
//	c'y + sum(values*y^2)/2    with |y| = radius(mu)    y = -c/(values + mu)
//
// for the least mu of which values+mu are not negative. Where radius is constant, y is
// the minimum within a ball, and mu is 0 and |y| less if it lies inside (Conn, Gould,
// Toint 2000, chapter 7). Where it is 2mu/M, y minimises the model + M|y|^3/6
// (Nesterov, Polyak 2006, section 5). Radius must not fall.
//
// The hard case is one in which y is too short for any mu above the least: c has no
// part along the lowest eigenvector. Then y goes along that as far as it takes.
func secular(values, c []float64, radius func(mu float64) float64) (y []float64, mu float64) {
	least := max(0, -values[0])
	y = make([]float64, len(c))
	// at sets y to that of mu = least + more, and returns its length.
	at := func(more float64) float64 {
		for i, ci := range c {
			y[i] = 0
			if ci != 0 {
				d := values[i] + more // all digits of it count near the pole
				if least > 0 {
					d = values[i] - values[0] + more
				}
				y[i] = -ci / d
			}
		}
		return norm(y)
	}
	long := func(more float64) bool { return !(at(more) <= radius(least+more)) } // at a pole, NaN or Inf
	if !long(0) {
		if rest := radius(least) - norm(y); least > 0 && rest > 0 {
			r := radius(least)
			y[0] += math.Sqrt(rest * (r + norm(y)))
		}
		return y, least
	}
	// The bits of a positive float64 are in its order: halving their range takes no
	// more than 64 steps, wherever mu is.
	lo, up := uint64(0), math.Float64bits(math.MaxFloat64)
	for up-lo > 1 {
		mid := lo + (up-lo)/2
		if long(math.Float64frombits(mid)) {
			lo = mid
		} else {
			up = mid
		}
	}
	more := math.Float64frombits(up)
	at(more)
	return y, least + more
}
