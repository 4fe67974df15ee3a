"""「我的订单」→「华商订单」: what became of a member's orders, on a phone."""
