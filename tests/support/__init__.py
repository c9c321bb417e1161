"""What the tests of operators, passes and whole models share: cases, a TFLite writer, the oracle, firmware builds."""
