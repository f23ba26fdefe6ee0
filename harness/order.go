package harness

import "context"

// InOrder passes what comes of each of several works to emit in their order, each as
// soon as those before it are there. It waits for all of them. An error of emit cancels
// the rest and is returned; else that of ctx, if it is done.
func InOrder[T any](ctx context.Context, cancel context.CancelCauseFunc, outcomes []chan T, emit func(T) error) error {
	var failed error
	for _, outcome := range outcomes {
		o := <-outcome
		if failed != nil {
			continue
		}
		if err := emit(o); err != nil {
			failed = err
			cancel(err)
		}
	}
	if failed == nil && ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	return failed
}
