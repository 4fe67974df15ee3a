from django.contrib.admin import AdminSite


class ConsoleSite(AdminSite):
    """The staff console's titles."""

    site_title = "密钥服务台 中心"
    site_header = "密钥服务台 中心"
    index_title = "管理"
    site_url = None
    empty_value_display = "–"
