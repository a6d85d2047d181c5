package codes

import "errors"

// An Error is why something was not done. The code decides how it is answered; the cause is for the operator's log
// alone, and holds neither a form, nor a secret, nor a shopper's data.
type Error struct {
	Code string
	// Ref is the purchase it is about; "" where there is none.
	Ref string
	// Fields are texts for the shopper by field, where fields are at fault.
	Fields map[string]string
	Cause  error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Code
	}
	return e.Code + ": " + e.Cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// As gives an error as one with a code. What has none is a fault of ours.
func As(err error) *Error {
	var coded *Error
	if errors.As(err, &coded) {
		return coded
	}
	return &Error{Code: Internal, Cause: err}
}
