package kernels

import "fmt"

// flatPart is the function of one coordinate that is a lower bound's hard part: for
// |x| up to 1 it is eps/4*(6x^2-x^4), and beyond it goes on at a slope of 2 eps, so
// that its gradient is small and not zero for as long as one likes. Its curvature is
// 3 eps at most. flatPart returns slope and value over eps.
func flatPart[T Real](x T) (slope, value T) {
	t := x
	if t > 1 {
		t = 1
	}
	if t < -1 {
		t = -1
	}
	q := T(t * t)
	far := abs(x) - abs(t)
	return T(t * (3 - q)), T(0.25*T(q*(6-q))) + (far + far)
}

// flatStart is where flatPart, times eps, is gap.
func flatStart(eps, gap float64) (float64, error) {
	if least := 5 * eps / 4; gap < least {
		return 0, fmt.Errorf("gap is %v, want 5/4 of eps or more, %v", gap, least)
	}
	return 1 + (gap-float64(5*eps/4))/(2*eps), nil
}
