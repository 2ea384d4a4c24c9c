{% if node %}Node:   {{ node.display_name or node.name }}
{% endif %}Group:  {{ group }}
Change: {% if group_modification == 'add' %}added{% else %}removed{% endif %}
