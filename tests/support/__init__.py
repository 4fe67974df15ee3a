"""What tests share: a desk, a centre, an agent, cards, clocks, screens, and how tests wait."""
